// SPDX-License-Identifier: Apache-2.0
package org.apache.ratis.server.impl;

import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.LogAppender;

/** What reads need of a leader and Ratis shows to its own package only. */
public final class LeaderAccess {
  private LeaderAccess() {}

  /**
   * The index up to which a read must see now to be linearizable, or -1 when this server cannot tell
   * because it is not the leader, not ready, or not sure to be the leader still.
   *
   * <p>One lease test, no message. Not Ratis's own read index: after one acknowledged round that goes
   * on answering without asking anybody until the next write (ReadIndexHeartbeats), so a leader that
   * was deposed would give stale reads.
   */
  public static long readIndex(RaftServer.Division division) {
    // Before the test: whatever was committed when the lease held is included.
    long committed = division.getRaftLog().getLastCommittedIndex();
    return ((RaftServerImpl) division)
        .getRole()
        .getLeaderState()
        .filter(LeaderStateImpl::hasLease)
        .map(leader -> committed)
        .orElse(-1L);
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
}
