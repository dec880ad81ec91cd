// SPDX-License-Identifier: Apache-2.0
package org.apache.ratis.server.impl;

import java.time.Duration;
import java.util.Optional;
import org.apache.ratis.server.RaftServer;

/** What a follower's candidacy needs and Ratis shows to its own package only. */
public final class FollowerAccess {
  private FollowerAccess() {}

  /** For how long this server, a follower, has not heard from its leader; nothing in another role. */
  public static Optional<Duration> silence(RaftServer.Division division) {
    RaftServerImpl server = (RaftServerImpl) division;
    return server.getInfo().isFollower()
        ? server.getRole().getFollowerState().map(FollowerAccess::silence)
        : Optional.empty();
  }

  /**
   * Stands for election if the leader has been silent for that long, and none of its messages is being
   * executed: what FollowerState does at the end of a sleep. True when it does. Waits for what holds
   * the server's lock, an append or a vote.
   */
  public static boolean stand(RaftServer.Division division, Duration patience) {
    RaftServerImpl server = (RaftServerImpl) division;
    synchronized (server) {
      FollowerState follower = server.getRole().getFollowerState().orElse(null);
      if (follower == null
          || !server.getInfo().isFollower()
          || !server.isRunning()
          || follower.getOutstandingOp() != 0
          || silence(follower).compareTo(patience) < 0
          || follower.lostMajorityHeartbeatsRecently()) {
        return false;
      }
      server.changeToCandidate(false);
      return true;
    }
  }

  private static Duration silence(FollowerState follower) {
    return Duration.ofMillis(follower.getLastRpcTime().elapsedTimeMs());
  }
}
