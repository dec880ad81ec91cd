// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.Closeable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Greets the other members: once at the start, and from then on one after the other, three seconds after
 * the last round. So this node knows whom it can reach, and an election need not connect first.
 */
final class Greeter implements Closeable {
  private static final long PERIOD_MS = 3000;

  private final Collection<Peer> peers;
  private final Thread thread = Threads.daemon("tripla-greet", this::run);

  /** @param peers may grow until {@link #start} */
  Greeter(Collection<Peer> peers) {
    this.peers = peers;
  }

  void start() {
    thread.start();
  }

  /**
   * Greets every member that can be reached in this time, so that each can say that the directory of this
   * node is outdated before it votes.
   */
  void introduce(Duration patience) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (Peer peer : peers) {
      Thread each = Threads.daemon("tripla-introduce", peer::introduce);
      each.start();
      threads.add(each);
    }
    long end = System.nanoTime() + patience.toNanos();
    for (Thread each : threads) {
      each.join(Math.max(1, (end - System.nanoTime()) / 1_000_000));
    }
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(PERIOD_MS);
        peers.forEach(Peer::introduce);
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /** Its thread ends. Who closes the connections first need not wait for long. */
  @Override
  public void close() {
    thread.interrupt();
    Threads.awaitEnd(thread);
  }
}
