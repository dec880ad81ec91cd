// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.FileChunkProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto.SnapshotChunkProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;

/**
 * What Ratis's servers say to each other, on blocking sockets: a call is executed on the caller's
 * thread here and on one thread there, with no hand-over between threads but Ratis's own, which is what
 * a write spends most of its time on (docs/decisions/0010-ratis.md).
 */
final class SocketRpc implements RaftServerRpc {
  private static final Logger LOG = System.getLogger(SocketRpc.class.getName());

  /** Tells the sender of an image that it was found damaged, and not that it cannot be taken now. */
  private static final String REFUSED = "it is damaged: ";

  private static final long PAUSE_AFTER_FAILED_INSTALL_MS = 1000;
  private static final long PAUSE_WHILE_REFUSED_MS = 100;

  private final RaftServer server;
  private final RpcType type;
  private final SocketRpcType.Settings settings;
  private final Watchdog watchdog = new Watchdog();
  private final VotePromise promise;
  private final Ballot ballot;
  private final AppendTurn turn = new AppendTurn(AppendTurn.PATIENCE, Native::die);
  private final Map<String, Peer> peers = new ConcurrentHashMap<>();
  private final Greeter greeter = new Greeter(peers.values());
  private final Object installing = new Object();
  private final IncomingImage incoming = new IncomingImage();
  private final VoteRoom voteRoom;
  private final CandidateRoom candidateRoom;
  private final RefusedEntries refusedEntries;
  private volatile Listener listener;
  private volatile long lastLeaderTerm = -1;

  SocketRpc(RaftServer server, RpcType type, SocketRpcType.Settings settings) {
    this.server = server;
    this.type = type;
    this.settings = settings;
    promise = new VotePromise(settings.clock());
    ballot = new Ballot(settings.node(), settings.voteFile());
    voteRoom = new VoteRoom(settings.disk(), settings.clock());
    candidateRoom = new CandidateRoom(settings.entryRoom(), settings.clock());
    refusedEntries = new RefusedEntries(settings.clock());
  }

  @Override
  public void start() throws IOException {
    voteRoom.keep();
    listener =
        new Listener(
            settings.serverSockets(),
            settings.address(),
            watchdog,
            settings.frameBytesMax(),
            admission(),
            this::execute);
    greeter.start();
  }

  /**
   * When it returns nobody is served or called any more, and the port is free. No thread that this
   * class has started is left.
   */
  @Override
  public void close() throws IOException {
    if (listener != null) {
      listener.close();
    }
    peers.values().forEach(Peer::close);
    watchdog.close();
    greeter.close();
  }

  private Listener.Admission admission() {
    return new Listener.Admission() {
      @Override
      public void admit(Greeting greeting) throws IOException {
        String why = whyNot(greeting);
        if (why != null) {
          throw new Greeting.Refused(why);
        }
        settings.identities().check(greeting.from(), greeting.state());
        closeOtherStarts(greeting.from(), greeting.state().starts().last());
      }

      @Override
      public NodeState self() throws IOException {
        return settings.identities().self();
      }
    };
  }

  /** Closes the connections with this node, in both directions. */
  void disconnect(String node) {
    Listener open = listener;
    if (open != null) { // else nobody has been let in yet
      open.closeAll(node);
    }
    peers.get(node).closeAll();
  }

  private void closeOtherStarts(String node, long nonce) {
    Listener open = listener;
    if (open != null) {
      open.closeOtherStarts(node, nonce);
    }
    peers.get(node).closeOtherStarts(nonce);
  }

  /** Why a connection with this greeting is refused, or null; whatever the directory behind it. */
  private String whyNot(Greeting greeting) {
    if (!greeting.cluster().equals(settings.cluster())) {
      return "it is of another cluster, " + greeting.cluster() + ", not of " + settings.cluster();
    }
    if (!greeting.to().equals(settings.node())) {
      return "it looks for " + greeting.to() + ", but this is " + settings.node();
    }
    if (!peers.containsKey(greeting.from())) {
      return "it says it is " + greeting.from() + ", which is no other member of this cluster";
    }
    return null;
  }

  private CompletableFuture<? extends MessageLite> execute(Call call, MessageLite request)
      throws IOException {
    return dispatch(call, request).thenApply(this::durable);
  }

  private <M> M durable(M answer) {
    try {
      settings.durable().await();
      return answer;
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private CompletableFuture<? extends MessageLite> dispatch(Call call, MessageLite request)
      throws IOException {
    settings.identities().checkIntroduced();
    return switch (call) {
      case REQUEST_VOTE -> answered(vote((RequestVoteRequestProto) request));
      case APPEND_ENTRIES -> append((AppendEntriesRequestProto) request);
      case INSTALL_SNAPSHOT -> answered(install((InstallSnapshotRequestProto) request));
      case START_ELECTION -> answered(startElection((StartLeaderElectionRequestProto) request));
      case RELEASE_PROMISE -> answered(releasePromise((StartLeaderElectionRequestProto) request));
    };
  }

  private static CompletableFuture<MessageLite> answered(MessageLite reply) {
    return CompletableFuture.completedFuture(reply);
  }

  /** As {@link Greeter#introduce}. */
  void introduce(Duration patience) throws InterruptedException {
    greeter.introduce(patience);
  }

  /** Milliseconds since a node was heard of; -1 for never. */
  long silenceMs(String node) {
    return peers.get(node).silenceMs();
  }

  /** Why the last attempt to connect to a node failed; empty when it did not. */
  String trouble(String node) {
    return peers.get(node).trouble();
  }

  private void hear(RaftRpcRequestProto header) {
    Peer peer = peers.get(requestor(header));
    if (peer != null) {
      peer.hear();
    }
  }

  private MessageLite vote(RequestVoteRequestProto request) throws IOException {
    hear(request.getServerRequest());
    checkKnowsEnough();
    voteRoom.check();
    return request.getPreVote()
        ? server.requestVote(request)
        : promise.keepOr(requestor(request.getServerRequest()), () -> castVote(request));
  }

  private MessageLite castVote(RequestVoteRequestProto request) throws IOException {
    return ballot.cast(
        request.getCandidateTerm(),
        requestor(request.getServerRequest()),
        () -> server.requestVote(request));
  }

  /**
   * A node that was rebuilt in place of a lost one does not know what the lost one has acknowledged. It
   * takes part in no election before its log holds everything that the lost one can have acknowledged.
   */
  private void checkKnowsEnough() throws IOException {
    if (settings.votesFrom() == 0) {
      return;
    }
    if (division().getRaftLog().getNextIndex() <= settings.votesFrom()) {
      throw new IOException(
          "it is being rebuilt, and votes when its log has reached record " + settings.votesFrom());
    }
  }

  private RaftServer.Division division() throws IOException {
    return server.getDivision(RaftGroupId.valueOf(settings.cluster()));
  }

  private CompletableFuture<? extends MessageLite> append(AppendEntriesRequestProto request)
      throws IOException {
    hear(request.getServerRequest());
    if (request.getLeaderTerm() != lastLeaderTerm) {
      voteRoom.check();
      lastLeaderTerm = request.getLeaderTerm();
    }
    if (request.getLeaderTerm() >= division().getInfo().getCurrentTerm()) {
      promise.renew(requestor(request.getServerRequest()), request.getLeaderTerm());
      candidateRoom.follow();
    }
    if (request.getEntriesCount() == 0) {
      return server.appendEntriesAsync(request);
    }
    voteRoom.keep();
    return settings.entryRoom().test(request.getSerializedSize()) && !LogRoom.isAwaited()
        ? appendEntriesOf(request)
        : appendWithoutRoom(request);
  }

  private CompletableFuture<? extends MessageLite> appendEntriesOf(
      AppendEntriesRequestProto request) throws IOException {
    return turn.take(
        () -> server.appendEntriesAsync(request).thenApply(reply -> onDisk(request, reply)));
  }

  /** Takes what needs no room: the entries that it has, or none. */
  private CompletableFuture<? extends MessageLite> appendWithoutRoom(
      AppendEntriesRequestProto request) throws IOException {
    AppendEntriesRequestProto known = RefusedEntries.reduce(request, countKnown(request));
    return known.getEntriesCount() > 0
        ? appendEntriesOf(known)
        : server
            .appendEntriesAsync(known)
            .thenApply(reply -> RefusedEntries.refuse(request, reply));
  }

  private int countKnown(AppendEntriesRequestProto request) throws IOException {
    RaftLog log = division().getRaftLog();
    int known = 0;
    for (LogEntryProto entry : request.getEntriesList()) {
      if (entry.getIndex() > log.getFlushIndex()
          || !TermIndex.valueOf(entry).equals(log.getTermIndex(entry.getIndex()))) {
        break;
      }
      ++known;
    }
    return known;
  }

  /**
   * An error unless the entries are on the disk. Those that this node wrote as a leader did not take a
   * turn, so Ratis may acknowledge them from its memory.
   */
  private AppendEntriesReplyProto onDisk(
      AppendEntriesRequestProto request, AppendEntriesReplyProto reply) {
    try {
      long last = request.getEntries(request.getEntriesCount() - 1).getIndex();
      if (reply.getResult() == AppendResult.SUCCESS
          && division().getRaftLog().getFlushIndex() < last) {
        throw new IOException(AppendTurn.NOT_YET);
      }
      return reply;
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private MessageLite startElection(StartLeaderElectionRequestProto request) throws IOException {
    voteRoom.check();
    if (!settings.entryRoom().test(0)) {
      throw new IOException("its disk is full");
    }
    releasePromise(request);
    return server.startLeaderElection(request);
  }

  private MessageLite releasePromise(StartLeaderElectionRequestProto request) {
    promise.release(
        requestor(request.getServerRequest()), request.getLeaderLastEntry().getTerm());
    return StartLeaderElectionReplyProto.getDefaultInstance();
  }

  private MessageLite install(InstallSnapshotRequestProto request) throws IOException {
    // One at a time: pieces of two senders, one of them given up or deposed, must not mix.
    synchronized (installing) {
      incoming.expect(request);
      checkHasRoomFor(request);
      if (request.hasSnapshotChunk() && request.getSnapshotChunk().getRequestIndex() == 0) {
        settings.installs().begin();
      }
      try {
        // Before Ratis takes the last one: then it would forget the log that the image replaces.
        checkPiece(request.getSnapshotChunk());
        MessageLite reply =
            request.getSnapshotChunk().getDone()
                ? putInForce(request)
                : server.installSnapshot(request);
        incoming.took(request);
        return reply;
      } catch (IOException | RuntimeException e) {
        incoming.failed();
        if (request.getSnapshotChunk().getDone()) {
          settings.installs().failed();
        }
        throw e;
      }
    }
  }

  /** Else pieces would be written until the disk is full, each second anew. */
  private void checkHasRoomFor(InstallSnapshotRequestProto request) throws IOException {
    SnapshotChunkProto piece = request.getSnapshotChunk();
    if (piece.getRequestIndex() == 0
        && settings.disk().getUsableSpace() < piece.getTotalSize() + LogRoom.VOTE_BYTES) {
      throw new IOException("its disk has no room for it");
    }
  }

  /**
   * Takes a turn, so that no append waits: Ratis forgets entries that are not on the disk yet, and would
   * never answer who waits for them.
   */
  private MessageLite putInForce(InstallSnapshotRequestProto request) throws IOException {
    return turn.take(() -> answered(server.installSnapshot(request))).join();
  }

  private static String requestor(RaftRpcRequestProto header) {
    return header.getRequestorId().toStringUtf8();
  }

  private MessageLite call(Call call, RaftRpcRequestProto header, MessageLite request)
      throws IOException {
    ByteString id = header.getReplyId();
    Peer peer = peers.get(id.toStringUtf8());
    if (peer == null) {
      throw new IOException(id.toStringUtf8() + " is no member of the cluster");
    }
    settings.durable().await();
    MessageLite reply = peer.line(call.purpose).call(call, request);
    peer.hear();
    return reply;
  }

  @Override
  public RequestVoteReplyProto requestVote(RequestVoteRequestProto request) throws IOException {
    // To stand for election is to vote for oneself.
    settings.identities().checkIntroduced();
    checkKnowsEnough();
    voteRoom.check();
    candidateRoom.check();
    if (!request.getPreVote()) {
      promise.check(settings.node());
      ballot.stand(request.getCandidateTerm());
    }
    return (RequestVoteReplyProto) call(Call.REQUEST_VOTE, request.getServerRequest(), request);
  }

  @Override
  public AppendEntriesReplyProto appendEntries(AppendEntriesRequestProto all)
      throws IOException {
    AppendEntriesRequestProto request = Portion.of(all);
    if (request.getEntriesCount() == 0) {
      return sendAppend(request);
    }
    voteRoom.keep();
    String follower = request.getServerRequest().getReplyId().toStringUtf8();
    if (refusedEntries.isRefusing(follower)) {
      AppendEntriesReplyProto reply = sendAppend(RefusedEntries.reduce(request, 0));
      pause(PAUSE_WHILE_REFUSED_MS); // else Ratis asks again at once
      return RefusedEntries.refuse(request, reply);
    }
    AppendEntriesReplyProto reply = sendAppend(request);
    refusedEntries.note(follower, request, reply);
    return reply;
  }

  private AppendEntriesReplyProto sendAppend(AppendEntriesRequestProto request)
      throws IOException {
    RaftRpcRequestProto header = request.getServerRequest();
    long sent = settings.clock().getAsLong();
    AppendEntriesReplyProto reply =
        (AppendEntriesReplyProto) call(Call.APPEND_ENTRIES, header, request);
    expectToLead(request.getLeaderTerm(), reply.getTerm());
    if (reply.getResult() == AppendResult.SUCCESS
        || reply.getResult() == AppendResult.INCONSISTENCY) {
      String follower = header.getReplyId().toStringUtf8();
      settings.lease().extend(request.getLeaderTerm(), follower, sent);
      settings.acks().acknowledge(request.getLeaderTerm(), follower, sent);
    }
    return reply;
  }

  /**
   * If another node knows a later term, this leader steps down. Ratis 3.3.0 must not see that in the
   * answer: its sender would wait for the server's lock, while the thread that steps down holds the lock
   * and waits for the sender. For those 5 s this node would neither vote nor follow.
   */
  private void expectToLead(long term, long known) throws IOException {
    if (known > term) {
      voteRoom.check();
      settings.laterTerm().accept(known);
      throw new IOException("it knows of term " + known + ", this node led in term " + term);
    }
  }

  @Override
  public InstallSnapshotReplyProto installSnapshot(InstallSnapshotRequestProto request)
      throws IOException {
    String follower = request.getServerRequest().getReplyId().toStringUtf8();
    SnapshotChunkProto piece = request.getSnapshotChunk();
    if (piece.getRequestIndex() == 0) {
      settings.outgoing().begin(follower, piece.getTermIndex().getIndex(), piece.getTotalSize());
    }
    try {
      InstallSnapshotReplyProto reply =
          (InstallSnapshotReplyProto)
              call(Call.INSTALL_SNAPSHOT, request.getServerRequest(), request);
      expectToLead(request.getLeaderTerm(), reply.getTerm());
      settings.outgoing().sent(follower, percentOf(piece), piece.getDone());
      return reply;
    } catch (IOException e) {
      boolean refused =
          e instanceof Line.Failed && e.getMessage().contains(REFUSED);
      settings.outgoing().failed(follower, e.getMessage(), refused);
      // Else Ratis would send the whole image again at once.
      pause(PAUSE_AFTER_FAILED_INSTALL_MS);
      throw e;
    }
  }

  private void checkPiece(SnapshotChunkProto piece) throws IOException {
    try {
      settings.installs().check(piece);
    } catch (IOException e) {
      throw new IOException(REFUSED + e.getMessage(), e);
    }
  }

  private static long percentOf(SnapshotChunkProto piece) {
    if (piece.getFileChunksCount() == 0 || piece.getTotalSize() == 0) {
      return 0;
    }
    FileChunkProto chunk = piece.getFileChunks(0);
    return 100 * (chunk.getOffset() + chunk.getData().size()) / piece.getTotalSize();
  }

  private static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends calls to nodes that may hang: Ratis waits for its senders next. */
  @Override
  public void notifyNotLeader(RaftGroupId group) {
    settings.acks().end();
    settings.outgoing().clear();
    peers.values().forEach(Peer::hangUp);
  }

  /**
   * Never fails: if a hand-over's first message fails before Ratis (3.3.0) looks at it, the hand-over never
   * ends (TransferLeadership.start), and a leader takes no writes during one.
   */
  @Override
  public StartLeaderElectionReplyProto startLeaderElection(
      StartLeaderElectionRequestProto request) {
    RaftRpcRequestProto header = request.getServerRequest();
    String successor = header.getReplyId().toStringUtf8();
    settings.lease().free(request.getLeaderLastEntry().getTerm(), successor);
    freeOthers(request, successor);
    try {
      return (StartLeaderElectionReplyProto) call(Call.START_ELECTION, header, request);
    } catch (IOException e) {
      LOG.log(Level.WARNING, successor + " could not be asked to lead: " + e.getMessage());
      return StartLeaderElectionReplyProto.getDefaultInstance();
    }
  }

  /**
   * The successor needs a majority with this node: in a cluster of more than three others must be freed of
   * their promise, too, who were heard of last. As many as needed: the lease rests on the rest.
   */
  private void freeOthers(StartLeaderElectionRequestProto request, String successor) {
    int needed = (peers.size() + 1) / 2 - 1;
    List<String> others =
        peers.keySet().stream()
            .filter(node -> !node.equals(successor) && silenceMs(node) >= 0)
            .sorted(Comparator.comparingLong(this::silenceMs))
            .limit(needed)
            .toList();
    for (String other : others) {
      settings.lease().free(request.getLeaderLastEntry().getTerm(), other);
      RaftRpcRequestProto header =
          request.getServerRequest().toBuilder()
              .setReplyId(ByteString.copyFromUtf8(other))
              .build();
      try {
        call(Call.RELEASE_PROMISE, header, request.toBuilder().setServerRequest(header).build());
      } catch (IOException e) {
        LOG.log(Level.WARNING, other + " may not vote for " + successor + ": " + e.getMessage());
      }
    }
  }

  @Override
  public void addRaftPeers(Collection<RaftPeer> added) {
    Peer.Home home =
        new Peer.Home(
            settings.cluster(),
            settings.node(),
            settings.sockets(),
            watchdog,
            settings.frameBytesMax(),
            settings.saidFrameBytesMax(),
            settings.identities(),
            this::disconnect);
    for (RaftPeer peer : added) {
      String node = peer.getId().toString();
      if (!node.equals(settings.node())) {
        peers.computeIfAbsent(node, id -> new Peer(home, id, peer.getAddress()));
      }
    }
  }

  @Override
  public void handleException(RaftPeerId node, Exception e, boolean reconnect) {
    // A line that failed has already given its connection up.
  }

  @Override
  public InetSocketAddress getInetSocketAddress() {
    return settings.address();
  }

  @Override
  public RpcType getRpcType() {
    return type;
  }
}
