// SPDX-License-Identifier: Apache-2.0
package org.apache.ratis.server.impl;

import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;
import java.util.function.LongPredicate;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState.StepDownReason;
import org.apache.ratis.server.leader.LogAppender;
import org.apache.ratis.server.storage.RaftStorageMetadata;

/** What this bridge needs of a leader and Ratis shows to its own package only. */
public final class LeaderAccess {
  /** One that lives answers a heartbeat, every 500 ms, if nothing else. */
  private static final long SILENT_MS = 700;

  private LeaderAccess() {}

  /**
   * The index up to which a read must see now to be linearizable, or -1 when this server cannot tell
   * because it is not the leader, not ready, or not sure to be the leader still.
   *
   * <p>The order of the steps is what makes it right, however long this thread is stopped between any
   * two of them. Once the leader is ready, the committed index includes what earlier leaders have
   * committed. It is read before the lease is tested: at the moment of the test nobody else has
   * committed anything. And a leader that has itself voted for another before that moment is found
   * out by the last step, whatever it was promised.
   *
   * <p>Not Ratis's own read index: after one acknowledged round that goes on answering without asking
   * anybody until the next write (ReadIndexHeartbeats), so a leader that was deposed would give stale
   * reads.
   *
   * @param holdsLease whether the leader of this term is sure to be so still
   */
  public static long readIndex(RaftServer.Division division, LongPredicate holdsLease) {
    RoleInfo role = ((RaftServerImpl) division).getRole();
    LeaderStateImpl leader = role.getLeaderState().orElse(null);
    if (leader == null || !leader.isReady()) {
      return -1;
    }
    long committed = division.getRaftLog().getLastCommittedIndex();
    if (!holdsLease.test(leader.getCurrentTerm())) {
      return -1;
    }
    return role.getLeaderState().orElse(null) == leader ? committed : -1;
  }

  /**
   * As {@link #readIndex}, but the leader asks its followers once more instead of trusting its lease. The
   * order is the same: the committed index is read before the round, and nobody else has committed anything
   * when it begins, since a majority follows this leader after that.
   *
   * @param begin a round of the leader of this term; it succeeds when a majority has answered what was sent
   *     after it had begun
   * @param end ends the round, because this server leads no more; called by whoever finds that out
   */
  public static CompletableFuture<Long> confirm(
      RaftServer.Division division, LongFunction<CompletableFuture<Boolean>> begin, Runnable end) {
    RoleInfo role = ((RaftServerImpl) division).getRole();
    LeaderStateImpl leader = role.getLeaderState().orElse(null);
    if (leader == null || !leader.isReady()) {
      return CompletableFuture.completedFuture(-1L);
    }
    long committed = division.getRaftLog().getLastCommittedIndex();
    CompletableFuture<Boolean> round = begin.apply(leader.getCurrentTerm());
    leader.getLogAppenders().forEach(LogAppender::triggerHeartbeat);
    if (role.getLeaderState().orElse(null) != leader) {
      end.run(); // its own end may have come before the round began
    }
    return round.thenApply(
        acknowledged ->
            acknowledged && role.getLeaderState().orElse(null) == leader ? committed : -1);
  }

  /**
   * If this server leads, tells the followers that do not know it yet that everything up to {@code
   * index} is committed. Else they would learn it with the next entry or heartbeat, which a reader
   * there would have to wait for.
   */
  public static void tellCommitted(RaftServer.Division division, long index) {
    ((RaftServerImpl) division)
        .getRole()
        .getLeaderState()
        .ifPresent(
            leader ->
                leader
                    .getLogAppenders()
                    .filter(appender -> appender.getFollower().getCommitIndex() < index)
                    .forEach(LogAppender::triggerHeartbeat));
  }

  /**
   * The nodes that follow this leader, who has answered lately and has most of its log first; none if
   * it does not lead.
   */
  public static List<String> followers(RaftServer.Division division) {
    return ((RaftServerImpl) division)
        .getRole()
        .getLeaderState()
        .map(
            leader ->
                leader
                    .getLogAppenders()
                    .map(LogAppender::getFollower)
                    .sorted(
                        Comparator.comparing(LeaderAccess::isSilent)
                            .thenComparing(FollowerInfo::getMatchIndex, Comparator.reverseOrder()))
                    .map(follower -> follower.getId().toString())
                    .toList())
        .orElse(List.of());
  }

  /** Makes something of a term and an index. */
  public interface PlaceFunction<T> {
    T of(long term, long index);
  }

  /** The term of this leader and what a follower has acknowledged to it; null when it does not lead. */
  public static <T> T acknowledged(
      RaftServer.Division division, String node, PlaceFunction<T> result) {
    LeaderStateImpl leader = ((RaftServerImpl) division).getRole().getLeaderState().orElse(null);
    if (leader == null) {
      return null;
    }
    return leader
        .getLogAppenders()
        .map(LogAppender::getFollower)
        .filter(follower -> follower.getId().toString().equals(node))
        .findFirst()
        .map(follower -> result.of(leader.getCurrentTerm(), follower.getMatchIndex()))
        .orElse(null);
  }

  /** A leader of an earlier term than this follows from now on. Waits for nothing. */
  public static void stepDown(RaftServer.Division division, long term) {
    if (division.getInfo().getCurrentTerm() < term) {
      ((RaftServerImpl) division)
          .getRole()
          .getLeaderState()
          .ifPresent(leader -> leader.submitStepDownEvent(term, StepDownReason.HIGHER_TERM));
    }
  }

  /**
   * Writes the term of this server if that has failed before. Ratis (3.3.0) raises the term first and
   * writes it then; if that fails the next message of the same term finds nothing to write, and is
   * answered.
   */
  public static void persistTerm(RaftServer.Division division) throws IOException {
    ServerState state = ((RaftServerImpl) division).getState();
    if (isPersisted(state)) {
      return;
    }
    synchronized (division) { // so that it is not being written
      if (!isPersisted(state)) {
        state.persistMetadata();
      }
    }
  }

  /**
   * Makes sure that the file holds the vote of this server in this term. Ratis (3.3.0) may have written
   * another in its place: two threads that vote write the same temporary file, and what Ratis remembers
   * to have written is then not what is there. See {@link io.tripla.bridge.Ballot}.
   *
   * @throws IOException when the server has voted for another, or its term has passed, or the file
   *     cannot be written
   */
  public static void writeVote(RaftServer.Division division, long term, String candidate)
      throws IOException {
    ServerState state = ((RaftServerImpl) division).getState();
    RaftPeerId voted = RaftPeerId.valueOf(candidate);
    synchronized (division) { // no other vote is cast
      if (state.getCurrentTerm() != term || !voted.equals(state.getVotedFor())) {
        throw new IOException("it has not voted for " + candidate + " in term " + term);
      }
      if (!isInFile(division, term, candidate)) {
        // Ratis writes what differs from what it remembers.
        state.getLog().persistMetadata(RaftStorageMetadata.valueOf(term, null));
        state.persistMetadata();
      }
      if (!isInFile(division, term, candidate)) {
        throw new IOException("another vote was written in place of that for " + candidate);
      }
    }
  }

  private static boolean isInFile(RaftServer.Division division, long term, String candidate)
      throws IOException {
    File directory = division.getRaftStorage().getStorageDir().getCurrentDir();
    Properties file = new Properties();
    try (Reader reader = Files.newBufferedReader(directory.toPath().resolve("raft-meta"))) {
      file.load(reader);
    }
    return Long.toString(term).equals(file.getProperty("term"))
        && candidate.equals(file.getProperty("votedFor"));
  }

  private static boolean isPersisted(ServerState state) throws IOException {
    return state.getLog().loadMetadata().getTerm() == state.getCurrentTerm();
  }

  private static boolean isSilent(FollowerInfo follower) {
    return follower.getLastRpcResponseTime().elapsedTimeMs() > SILENT_MS;
  }
}
