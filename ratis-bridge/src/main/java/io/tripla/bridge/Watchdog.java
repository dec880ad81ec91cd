// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.Closeable;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Closes connections on which a step takes longer than it was allowed: whoever waits there wakes. */
final class Watchdog implements Closeable {
  /** Of its thread. */
  static final String NAME = "tripla-watchdog";

  private static final long PERIOD_MS = 100;

  private final Set<Wire> wires = ConcurrentHashMap.newKeySet();
  private final Thread thread = Threads.daemon(NAME, this::run);
  private volatile boolean closed;

  Watchdog() {
    thread.start();
  }

  /** From now on. Closes it at once when nobody watches any more. */
  void watch(Wire wire) {
    wires.add(wire);
    if (closed) {
      wire.close();
    }
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(PERIOD_MS);
        long now = System.nanoTime();
        for (Wire wire : wires) {
          if (wire.overdue(now)) {
            wire.close();
          }
          if (wire.isClosed()) {
            wires.remove(wire);
          }
        }
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /** Closes all connections; its thread has ended when it returns. */
  @Override
  public void close() {
    closed = true;
    wires.forEach(Wire::close);
    thread.interrupt();
    Threads.awaitEnd(thread);
  }
}
