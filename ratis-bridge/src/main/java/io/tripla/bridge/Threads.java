// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Collection;
import java.util.Set;

/** Starts the threads of the bridge, and waits for their end when what they work for is closed. */
final class Threads {
  /** Longer than any of them goes on after it was told to end. */
  private static final Duration TIME_TO_END = Duration.ofSeconds(10);

  private static final Logger LOG = System.getLogger(Threads.class.getName());

  private Threads() {}

  /** A thread, not started, that does not keep the process from ending. */
  static Thread daemon(String name, Runnable run) {
    Thread thread = new Thread(run, name);
    thread.setDaemon(true);
    return thread;
  }

  /** As {@link #awaitEnd(Set)}, of one. */
  static boolean awaitEnd(Thread thread) {
    return awaitEnd(Set.of(thread));
  }

  /**
   * Waits until these threads have ended; the calling thread, if it is among them, is left out. An
   * interrupt does not end the wait.
   *
   * @return false, and it is said, when one of them goes on for longer than ten seconds
   */
  static boolean awaitEnd(Collection<Thread> threads) {
    long end = System.nanoTime() + TIME_TO_END.toNanos();
    boolean interrupted = false;
    boolean ended = true;
    for (Thread thread : threads) {
      while (thread != Thread.currentThread() && thread.isAlive()) {
        long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
        if (left <= 0) {
          LOG.log(Level.WARNING, thread.getName() + " still runs; the others end without it");
          ended = false;
          break;
        }
        try {
          thread.join(left);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return ended;
  }
}
