// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import javax.net.ServerSocketFactory;
import javax.net.SocketFactory;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto.SnapshotChunkProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Nodes on real sockets; the server behind each answers with what it was asked. */
// On a thread of its own: a read that is never answered does not notice an interrupt.
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class Nodes {
  static final UUID CLUSTER = UUID.nameUUIDFromBytes(new byte[] {1});
  static final int FRAME_BYTES_MAX = 1 << 20;

  /** The leader of this term is told that it leads no more, and its image is no good. */
  static final long TERM_OVER = 5;

  final List<SocketRpc> nodes = new ArrayList<>();
  final AtomicInteger votesAsked = new AtomicInteger();
  final Set<Long> termsAsked = ConcurrentHashMap.newKeySet(); // for votes
  volatile Step onVote = () -> {};
  File disk; // null: where the test's files are
  volatile boolean entryRoom = true;
  @TempDir Path directory;
  LogDirectory.Sync synced = path -> {};
  final AtomicReference<String> died = new AtomicReference<>();
  final AtomicInteger installsBegun = new AtomicInteger();
  final AtomicInteger installsFailed = new AtomicInteger();
  final AtomicInteger entriesAppended = new AtomicInteger();
  final AtomicInteger piecesReceived = new AtomicInteger();
  final AtomicInteger refused = new AtomicInteger(); // images of this node
  volatile boolean damaged; // what arrives
  volatile boolean installing;
  volatile CompletableFuture<Void> onDisk = CompletableFuture.completedFuture(null);
  final AtomicLong lastIndex = new AtomicLong();
  final AtomicLong currentTerm = new AtomicLong();
  /** Of leases and promises, in nanoseconds; it moves when a test says so. */
  final AtomicLong now = new AtomicLong();

  final AtomicLong laterTerm = new AtomicLong();
  final Set<String> written = ConcurrentHashMap.newKeySet(); // votes
  final Lease lease = new Lease(2, now::get);
  final OutgoingImages outgoing = new OutgoingImages(now::get, refused::incrementAndGet);
  private final List<Socket> ports = new ArrayList<>();
  final int port1 = freePort();
  final int port2 = freePort();
  final int port3 = freePort();

  /** What a server does before it answers. */
  interface Step {
    void run() throws InterruptedException;
  }

  @AfterEach
  void closeNodes() throws IOException {
    for (SocketRpc node : nodes) {
      node.close();
    }
    for (Socket port : ports) {
      port.close();
    }
  }

  SocketRpc start(UUID cluster, String node, int port) throws IOException {
    return start(cluster, node, port, 0);
  }

  SocketRpc start(UUID cluster, String node, int port, long votesFrom) throws IOException {
    return start(cluster, node, port, votesFrom, new FakeIdentities(1));
  }

  SocketRpc start(UUID cluster, String node, int port, long votesFrom, Identities identities)
      throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    SocketRpcType.Settings settings =
        new SocketRpcType.Settings(
            cluster,
            node,
            address,
            FRAME_BYTES_MAX,
            FRAME_BYTES_MAX,
            lease,
            new AckRound(2, now::get),
            now::get,
            votesFrom,
            laterTerm::set,
            installs(),
            outgoing,
            disk == null ? directory.toFile() : disk,
            bytes -> entryRoom,
            new LogDirectory(directory, synced, died::set, System::currentTimeMillis)::sync,
            (term, candidate) -> written.add(candidate + " in term " + term),
            identities,
            SocketFactory.getDefault(),
            ServerSocketFactory.getDefault());
    SocketRpc rpc = new SocketRpc(server(), new SocketRpcType(), settings);
    rpc.addRaftPeers(List.of(peer("n1", port1), peer("n2", port2)));
    rpc.start();
    nodes.add(rpc);
    return rpc;
  }

  /** Of a directory that is at this start, and of a node that holds what it is told for outdated. */
  static final class FakeIdentities implements Identities {
    final Set<Long> outdated = ConcurrentHashMap.newKeySet(); // nonces
    final AtomicReference<String> ended = new AtomicReference<>();
    /** Of the only nonce that is not outdated; 0: any is good. */
    volatile long known;
    volatile Levels levels = Levels.FIRST;
    /** What another node has said last. */
    final AtomicReference<NodeState> heard = new AtomicReference<>();
    private final long nonce;

    FakeIdentities(long nonce) {
      this.nonce = nonce;
    }

    @Override
    public NodeState self() {
      return new NodeState(new Starts(nonce, List.of(nonce)), 0, 0, 0, levels);
    }

    @Override
    public void checkIntroduced() {}

    @Override
    public Acknowledged acknowledged(String node) {
      return null;
    }

    @Override
    public void check(String node, NodeState state, Acknowledged before) throws IOException {
      check(node, state);
    }

    @Override
    public void check(String node, NodeState state) throws IOException {
      long nonce = state.starts().last();
      heard.set(state);
      if (outdated.contains(nonce) || known != 0 && nonce != known) {
        throw new Greeting.Refused(node + "'s directory is an older copy", true);
      }
    }

    @Override
    public void endAsOutdated(String why) {
      ended.set(why);
    }
  }

  static RaftPeer peer(String node, int port) {
    return RaftPeer.newBuilder().setId(node).setAddress("127.0.0.1:" + port).build();
  }

  /** Counts; lets none begin while {@link #installing}. */
  SocketRpcType.Installs installs() {
    return new SocketRpcType.Installs() {
      @Override
      public void begin() throws IOException {
        if (installing) {
          throw new IOException("it still installs the image that came before");
        }
        installsBegun.incrementAndGet();
      }

      @Override
      public void check(SnapshotChunkProto piece) throws IOException {
        if (damaged && piece.getDone()) {
          throw new IOException("the checksum of the block does not fit");
        }
      }

      @Override
      public void failed() {
        installsFailed.incrementAndGet();
      }
    };
  }

  /** A server that answers with what it was asked. */
  RaftServer server() {
    return (RaftServer)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {RaftServer.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "requestVote" -> vote((RequestVoteRequestProto) arguments[0]);
                  case "appendEntriesAsync" ->
                      onDisk.thenApply(
                          done -> count((AppendEntriesRequestProto) arguments[0]));
                  case "installSnapshot" -> install((InstallSnapshotRequestProto) arguments[0]);
                  case "startLeaderElection" -> StartLeaderElectionReplyProto.getDefaultInstance();
                  case "getDivision" -> division();
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  /** One whose log ends at {@link #lastIndex}, and that knows of {@link #currentTerm}. */
  RaftServer.Division division() {
    RaftLog log =
        answering(
            RaftLog.class,
            method -> lastIndex.get() + (method.getName().equals("getNextIndex") ? 1 : 0));
    DivisionInfo info = answering(DivisionInfo.class, method -> currentTerm.get());
    return answering(
        RaftServer.Division.class, method -> method.getName().equals("getInfo") ? info : log);
  }

  private static <T> T answering(Class<T> type, Function<Method, Object> answer) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> answer.apply(method)));
  }

  RequestVoteReplyProto vote(RequestVoteRequestProto request)
      throws IOException, InterruptedException {
    votesAsked.incrementAndGet();
    termsAsked.add(request.getCandidateTerm());
    onVote.run();
    if (request.getCandidateTerm() < 0) {
      throw new IOException("no such term");
    }
    RequestVoteReplyProto.Builder reply =
        RequestVoteReplyProto.newBuilder().setTerm(request.getCandidateTerm());
    reply.getServerReplyBuilder().setSuccess(true);
    return reply.build();
  }

  private AppendEntriesReplyProto count(AppendEntriesRequestProto request) {
    entriesAppended.addAndGet(request.getEntriesCount());
    return append(request);
  }

  static AppendEntriesReplyProto append(AppendEntriesRequestProto request) {
    AppendEntriesReplyProto.Builder reply = AppendEntriesReplyProto.newBuilder();
    boolean over = request.getLeaderTerm() == TERM_OVER;
    reply.setResult(over ? AppendResult.NOT_LEADER : AppendResult.SUCCESS);
    reply.setTerm(request.getLeaderTerm() + (over ? 1 : 0));
    reply.getServerReplyBuilder().setRequestorId(request.getServerRequest().getRequestorId());
    return reply.build();
  }

  InstallSnapshotReplyProto install(InstallSnapshotRequestProto request) throws IOException {
    piecesReceived.incrementAndGet();
    if (request.getLeaderTerm() == TERM_OVER && request.getSnapshotChunk().getDone()) {
      throw new IOException("it cannot be put in force");
    }
    return InstallSnapshotReplyProto.getDefaultInstance();
  }

  static RaftRpcRequestProto.Builder header() {
    return RaftRpcRequestProto.newBuilder().setReplyId(ByteString.copyFromUtf8("n2"));
  }

  static AppendEntriesRequestProto appendFrom(String leader, long term) {
    return AppendEntriesRequestProto.newBuilder()
        .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8(leader)))
        .setLeaderTerm(term)
        .build();
  }

  /** With the entry of this index. */
  static AppendEntriesRequestProto entryFrom(String leader, long term, long index) {
    return appendFrom(leader, term).toBuilder()
        .addEntries(LogEntryProto.newBuilder().setTerm(term).setIndex(index))
        .build();
  }

  static RequestVoteRequestProto voteRequest(long term) {
    return RequestVoteRequestProto.newBuilder()
        .setServerRequest(header())
        .setCandidateTerm(term)
        .build();
  }

  static long askForVote(SocketRpc from, long term) throws IOException {
    return from.requestVote(voteRequest(term)).getTerm();
  }

  /**
   * Below those that Linux gives to outgoing connections: one of these, of any program, could take the
   * port before the node does. It is kept from other tests, until the end of this one.
   */
  private int freePort() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(15_000, 30_000);
      Socket socket = new Socket();
      try {
        socket.setReuseAddress(false);
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket.setReuseAddress(true);
        ports.add(socket);
        return port;
      } catch (IOException taken) {
        // another one
      }
    }
  }
}
