// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.Closeable;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.impl.FollowerAccess;

/**
 * Lets a follower stand for election as soon as its leader has been silent for the election timeout,
 * which is random so that two followers seldom stand at once (the Raft paper, 5.2). Ratis's own timer
 * sleeps for a timeout and then asks whether the leader was silent during that sleep, so it can take two
 * timeouts to notice. It goes on beside this one, and does no harm.
 */
final class Candidacy implements Closeable {
  /** Voters keep their promise to the old leader for as long. */
  static final Duration PATIENCE_MIN = VotePromise.TIME;

  static final Duration PATIENCE_MAX = Duration.ofMillis(1600);

  /** A live leader sends something at least this often. */
  static final Duration HEARTBEAT = PATIENCE_MIN.dividedBy(2);

  /** When a look comes later than this, the whole process was stopped. */
  static final Duration LATE = Duration.ofMillis(300);

  /** Before the next look, after it stood or could not: a message of the leader may be under way. */
  static final Duration PAUSE = Duration.ofMillis(50);

  private static final Logger LOG = System.getLogger(Candidacy.class.getName());

  /** A server, as far as it follows. */
  interface Follower {
    /** How long it has not heard from its leader; nothing when it does not follow. */
    Optional<Duration> silence();

    /** Stands for election if the leader has been silent for that long; true when it does. */
    boolean stand(Duration patience);
  }

  private final Follower follower;
  private Duration patience = PATIENCE_MAX;
  private final Thread thread = Threads.daemon("tripla-candidacy", this::run);
  private volatile boolean closed;

  Candidacy(Follower follower) {
    this.follower = follower;
  }

  static Candidacy of(RaftServer.Division division) {
    return new Candidacy(
        new Follower() {
          @Override
          public Optional<Duration> silence() {
            return FollowerAccess.silence(division);
          }

          @Override
          public boolean stand(Duration patience) {
            return FollowerAccess.stand(division, patience);
          }
        });
  }

  void start() {
    thread.start();
  }

  /**
   * Stands for election if it is time.
   *
   * @param late by how much this look comes later than was agreed
   * @return when to look again
   */
  Duration look(Duration late) {
    if (late.compareTo(LATE) > 0) {
      // What the leader has said meanwhile has not been read yet.
      return HEARTBEAT;
    }
    Duration endured = patience;
    patience = drawPatience();
    Duration silence = follower.silence().orElse(Duration.ZERO);
    if (silence.compareTo(endured) < 0) {
      Duration left = patience.minus(silence);
      return left.isNegative() ? Duration.ZERO : left;
    }
    if (follower.stand(endured)) {
      LOG.log(
          Level.INFO,
          "stands for election: its leader has been silent for " + silence.toMillis() + " ms");
    }
    return PAUSE;
  }

  private static Duration drawPatience() {
    long range = PATIENCE_MAX.minus(PATIENCE_MIN).toMillis();
    return PATIENCE_MIN.plusMillis(ThreadLocalRandom.current().nextLong(range + 1));
  }

  private void run() {
    Duration wait = patience;
    try {
      while (!closed) {
        long begun = System.nanoTime();
        Thread.sleep(wait.toMillis() + 1);
        try {
          wait = look(Duration.ofNanos(System.nanoTime() - begun).minus(wait));
        } catch (RuntimeException e) {
          LOG.log(Level.WARNING, "could not stand for election: " + e);
          wait = HEARTBEAT;
        }
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /** Ends the thread: when this returns, it will not stand for election any more. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    Threads.awaitEnd(thread);
  }
}
