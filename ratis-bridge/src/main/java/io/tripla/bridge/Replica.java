// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ServerSocketFactory;
import javax.net.SocketFactory;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientAsynchronousProtocol;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.TransferLeadershipRequest;
import org.apache.ratis.protocol.exceptions.LeaderSteppingDownException;
import org.apache.ratis.protocol.exceptions.NotLeaderException;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.impl.LeaderAccess;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage.StartupOption;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.apache.ratis.util.ExitUtils;

/** One replica: what the C++ side calls. Any thread. */
final class Replica {
  private static final Logger LOG = System.getLogger(Replica.class.getName());

  private static final int FRAME_OVERHEAD_BYTES = 1 << 20;
  private static final long HAND_OVER_MS = 1000;
  private static final long LOOK_MS = 5;
  private static final long PURGE_S = 10;
  private static final long END_S = 10;
  private static final Duration INTRODUCTION = Duration.ofSeconds(1);

  private final long log;
  private final RaftGroupId group;
  private final LogDirectory images; // those that are received
  private final LogDirectory entries;
  private final Machine machine;
  private final RaftServer server;
  private volatile RaftServer.Division division; // null while it is starting
  private final RaftClientAsynchronousProtocol orders;
  private final OwnIdentities identities;
  private final OutgoingImages outgoing;
  private final Lease lease;
  private final AckRound acks;
  private final Candidacy candidacy;
  private final ExecutorService later = Executors.newSingleThreadExecutor(Replica::daemon);
  private final ClientId client = ClientId.randomId();
  private long calls;
  private volatile boolean closing;

  /**
   * Starts a replica on a log directory that is ready.
   *
   * @param listen HOST:PORT where it takes the others' connections
   * @param image what the state was loaded from, which holds all up to its place; or null
   * @param starts how often its directory was started
   * @param nonces of these starts
   * @param votesFrom it takes part in no election before its log has reached this place; or 0
   * @param entryBytesMax of one entry of the log, whoever submitted it; memory of this size is taken at
   *     once
   * @param ownEntryBytesMax of one that is submitted here
   * @param members each as "node=HOST:PORT", this node's own among them
   */
  Replica(
      long log,
      String cluster,
      String node,
      long starts,
      long[] nonces,
      long votesFrom,
      String[] members,
      String listen,
      String logDirectory,
      String image,
      long imageTerm,
      long imageIndex,
      int entryBytesMax,
      int ownEntryBytesMax,
      boolean debug)
      throws IOException {
    ExitUtils.disableSystemExit();
    Messages.install(debug);
    this.log = log;
    outgoing = new OutgoingImages(System::nanoTime, () -> Native.imageRefused(log));
    Path ofGroup = Path.of(logDirectory, cluster);
    images = directory(ofGroup);
    entries = directory(ofGroup.resolve("current"));
    machine =
        new Machine(
            log,
            this::awaitNamesDurable,
            outgoing::isBeingSent,
            image == null ? null : Path.of(image),
            TermIndex.valueOf(imageTerm, imageIndex));
    identities =
        new OwnIdentities(
            Starts.of(starts, nonces),
            votesFrom,
            () -> division,
            machine::getLastAppliedTermIndex,
            new OwnIdentities.Memory() {
              @Override
              public String whyOutdated(String node, Starts said) throws IOException {
                return Native.whyOutdated(log, node, said.count(), said.nonceArray());
              }

              @Override
              public void markSaid() throws IOException {
                Native.markSaid(log);
              }

              @Override
              public void endAsOutdated(String why) {
                Native.endAsOutdated(log, why);
              }

              @Override
              public Levels levels() {
                long[] levels = Native.levels(log);
                return new Levels(levels[0], levels[1], levels[2]);
              }

              @Override
              public void endAsTooOld(String why) {
                Native.die(why);
              }
            });
    List<RaftPeer> peers = Stream.of(members).map(Replica::toPeer).toList();
    UUID id = UUID.fromString(cluster);
    group = RaftGroupId.valueOf(id);
    lease = new Lease(members.length, System::nanoTime);
    acks = new AckRound(members.length, System::nanoTime);
    SocketRpcType.Settings transport =
        new SocketRpcType.Settings(
            id,
            node,
            address(listen),
            entryBytesMax + FRAME_OVERHEAD_BYTES,
            ownEntryBytesMax + FRAME_OVERHEAD_BYTES,
            lease,
            acks,
            System::nanoTime,
            votesFrom,
            this::followLaterTerm,
            machine,
            outgoing,
            new File(logDirectory),
            bytes -> Native.hasRoom(log, bytes),
            this::awaitDurable,
            (term, candidate) ->
                LeaderAccess.writeVote(server().getDivision(group), term, candidate),
            identities,
            SocketFactory.getDefault(),
            ServerSocketFactory.getDefault());
    server =
        RaftServer.newBuilder()
            .setServerId(RaftPeerId.valueOf(node))
            .setGroup(RaftGroup.valueOf(group, peers))
            .setOption(StartupOption.RECOVER)
            .setStateMachine(machine)
            .setProperties(Properties.of(new File(logDirectory), entryBytesMax))
            .setParameters(transport.toParameters())
            .build();
    Thread.setDefaultUncaughtExceptionHandler(this::expectEnd);
    awaitEndOfOldPromises();
    start();
    division = server.getDivision(group);
    introduce();
    orders = (RaftClientAsynchronousProtocol) division;
    candidacy = Candidacy.of(division);
    candidacy.start();
  }

  private void introduce() throws IOException {
    try {
      rpc().introduce(INTRODUCTION);
      identities.introduced();
    } catch (InterruptedException e) {
      throw new IOException("it was interrupted while it started", e);
    }
  }

  private RaftServer server() {
    return server; // it is used when this is constructed
  }

  private static LogDirectory directory(Path path) {
    return new LogDirectory(path, LogDirectory::force, Native::die, System::currentTimeMillis);
  }

  /** Before a message is sent. */
  private void awaitDurable() throws IOException {
    LeaderAccess.persistTerm(server.getDivision(group));
    awaitNamesDurable();
  }

  /** A received image first: in its place parts of the log are removed. */
  private void awaitNamesDurable() throws IOException {
    images.sync();
    entries.sync();
  }

  private void followLaterTerm(long term) {
    if (division != null) { // else this replica is just starting, and leads nobody yet
      LeaderAccess.stepDown(division, term);
    }
  }

  private static Thread daemon(Runnable run) {
    return Threads.daemon("tripla-submit", run);
  }

  /**
   * Ends the process when a thread has failed. A leader that lacks one of Ratis's threads may go on with
   * its heartbeats and commit nothing, and so keep the others from choosing another leader.
   */
  private void expectEnd(Thread thread, Throwable error) {
    String why = thread.getName() + " has ended: " + error;
    if (closing || thread.getName().startsWith("tripla-submit")) {
      LOG.log(Level.WARNING, why);
    } else {
      Native.die(why + "; start the server again");
    }
  }

  /** Starts Ratis. After an error nothing of it runs: the process is about to end. */
  private void start() throws IOException {
    try {
      server.start();
    } catch (IOException | RuntimeException e) {
      closing = true;
      machine.expectClose();
      server.close();
      Throwable cause = e;
      StringBuilder causes = new StringBuilder(e.toString());
      while (cause.getCause() != null) {
        cause = cause.getCause();
        causes.append("; because of ").append(cause);
      }
      LOG.log(Level.DEBUG, "Ratis did not start: " + causes);
      boolean said = cause instanceof IOException && cause.getMessage() != null;
      throw new IOException(said ? cause.getMessage() : cause.toString(), e);
    }
  }

  /**
   * Waits until a promise that this node may have made before a restart has run out. A leader's lease
   * rests on such promises, and they are not on the disk.
   */
  private static void awaitEndOfOldPromises() {
    long running = ManagementFactory.getRuntimeMXBean().getUptime();
    try {
      Thread.sleep(Math.max(0, VotePromise.TIME.toMillis() - running));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static RaftPeer toPeer(String member) {
    int equals = member.indexOf('=');
    return RaftPeer.newBuilder()
        .setId(member.substring(0, equals))
        .setAddress(member.substring(equals + 1))
        .build();
  }

  private static InetSocketAddress address(String address) {
    int colon = address.lastIndexOf(':');
    return new InetSocketAddress(
        address.substring(0, colon).replaceAll("[\\[\\]]", ""),
        Integer.parseInt(address.substring(colon + 1)));
  }

  /**
   * Gives a batch to the log. {@link Native#applySubmitted} or {@link Native#failed} follows, perhaps
   * before this returns. Straight into the division: RaftServer's own method hands it to two other
   * threads first.
   */
  void submit(long batch, byte[] bytes) {
    CompletableFuture<RaftClientReply> reply;
    try {
      reply = orders.submitClientRequestAsync(toRequest(batch, bytes));
    } catch (IOException | RuntimeException e) {
      reply = CompletableFuture.failedFuture(e);
    }
    reply.whenComplete(
        (answer, failure) -> {
          // A leader that steps down reports an appended batch as failed, though its successor may
          // still commit it: the outcome is not known.
          boolean appended = machine.forgetAppended(batch);
          Throwable cause = failure != null ? failure : answer.getException();
          if (cause != null) {
            Native.failed(log, batch, appended, why(cause));
          }
        });
  }

  /** The same, for callers that must not wait. {@link #submit} may wait for an election. */
  void submitLater(long batch, byte[] bytes) {
    later.execute(() -> submit(batch, bytes));
  }

  private RaftClientRequest toRequest(long batch, byte[] bytes) {
    return RaftClientRequest.newBuilder()
        .setClientId(client)
        .setServerId(server.getId())
        .setGroupId(division.getGroup().getGroupId())
        .setCallId(batch)
        .setMessage(Message.valueOf(UnsafeByteOperations.unsafeWrap(bytes)))
        .setType(RaftClientRequest.writeRequestType())
        .build();
  }

  private static String why(Throwable e) {
    Throwable cause = e.getCause() != null ? e.getCause() : e;
    if (cause instanceof LeaderSteppingDownException) {
      return "this node hands leadership over";
    }
    return cause instanceof NotLeaderException ? "this node does not lead" : cause.toString();
  }

  /** As {@link LeaderAccess#readIndex}. */
  long readIndex() {
    return LeaderAccess.readIndex(division, lease::holds);
  }

  /**
   * The same without the lease, by a round of acknowledgements: {@link Native#confirmed} follows, perhaps
   * before this returns. Not while another one is under way.
   */
  void confirmReadIndex() {
    LeaderAccess.confirm(division, acks::begin, acks::end)
        .thenAccept(index -> Native.confirmed(log, index));
  }

  /** As {@link LeaderAccess#tellCommitted}. */
  void tellCommitted(long index) {
    LeaderAccess.tellCommitted(division, index);
  }

  boolean leads() {
    return division.getInfo().isLeaderReady();
  }

  /** The leader's node id, as far as this node knows; null for none. */
  String leader() {
    RaftPeerId leader = division.getInfo().getLeaderId();
    return leader == null ? null : leader.toString();
  }

  /** Role (0 leader, 1 follower, 2 candidate), term, first index held, last index held. */
  long[] describe() {
    DivisionInfo info = division.getInfo();
    long role = info.isLeader() ? 0 : info.isCandidate() ? 2 : 1;
    return new long[] {
      role,
      info.getCurrentTerm(),
      division.getRaftLog().getStartIndex(),
      division.getRaftLog().getNextIndex() - 1
    };
  }

  /**
   * What this node knows of another: milliseconds since it was heard, or -1; what it has acknowledged of
   * this leader's log, or -1; of the image that is on its way to it: its last entry, or -1, its bytes, how
   * many percent of it that node has taken, and which attempt that is.
   */
  long[] describeMember(String node) {
    OutgoingImages.Progress image = outgoing.progress(node);
    boolean sent = image != null;
    return new long[] {
      rpc().silenceMs(node),
      acknowledged(node),
      sent ? image.image() : -1,
      sent ? image.bytes() : 0,
      sent ? image.percent() : 0,
      sent ? image.attempt() : 0
    };
  }

  /** Why a node cannot be connected to, and why it did not take the image; empty where all is well. */
  String[] troublesOf(String node) {
    OutgoingImages.Progress image = outgoing.progress(node);
    return new String[] {rpc().trouble(node), image == null ? "" : image.trouble()};
  }

  private SocketRpc rpc() {
    return (SocketRpc) server.getServerRpc();
  }

  /** Closes the connections with a node whose directory was replaced. */
  void disconnect(String node) {
    rpc().disconnect(node);
  }

  /** As {@link Machine#setImage}. */
  void setImage(String path, long term, long index) throws IOException {
    machine.setImage(Path.of(path), TermIndex.valueOf(term, index));
  }

  /**
   * Forgets what it can of the entries up to this index: whole files. Unless {@code all} it keeps what
   * followers need that are being sent an image.
   */
  void purge(long index, boolean all) {
    long through = all ? index : outgoing.releasable(index, this::acknowledged);
    division.getRaftLog().purge(through).orTimeout(PURGE_S, TimeUnit.SECONDS).join();
  }

  private long acknowledged(String node) {
    Acknowledged known = LeaderAccess.acknowledged(division, node, Acknowledged::new);
    return known == null ? -1 : known.index();
  }

  /**
   * If this node leads, transfers leadership to the successor; "" for any, the one with the longest log
   * first. True when this node leads no more.
   */
  boolean handOver(String successor) throws IOException {
    for (String follower : LeaderAccess.followers(division)) {
      if (successor.isEmpty() || successor.equals(follower)) {
        askToLead(follower);
        awaitOtherLeader();
        if (!division.getInfo().isLeader()) {
          break;
        }
      }
    }
    return !division.getInfo().isLeader();
  }

  /**
   * Ignores what Ratis says about the outcome: it reports a failure when this node has voted for the
   * successor and does not know yet that it leads.
   */
  private void askToLead(String follower) throws IOException {
    server.transferLeadership(
        new TransferLeadershipRequest(
            client,
            server.getId(),
            division.getGroup().getGroupId(),
            --calls,
            RaftPeerId.valueOf(follower),
            HAND_OVER_MS));
  }

  /** Waits while no leader is known: the vote may still be on its way. */
  private void awaitOtherLeader() {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(HAND_OVER_MS);
    try {
      while (System.nanoTime() - end < 0 && leader() == null) {
        Thread.sleep(LOOK_MS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Applies what is committed and ends. It calls the C++ side no more when it returns.
   *
   * @throws IOException it may call still
   */
  void close() throws IOException {
    closing = true;
    machine.expectClose();
    Messages.expectEnd();
    candidacy.close();
    LogRoom.end();
    ServerEnd.close(server);
    later.shutdown();
    try {
      if (!later.awaitTermination(END_S, TimeUnit.SECONDS)) {
        throw new IOException("what was submitted last has not ended after " + END_S + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("it was interrupted while it ended", e);
    }
  }
}
