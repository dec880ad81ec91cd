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
  private final Thread thread = new Thread(this::run, NAME);

  Watchdog() {
    thread.setDaemon(true);
    thread.start();
  }

  void watch(Wire wire) {
    wires.add(wire);
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
      wires.forEach(Wire::close);
    }
  }

  /** Closes all connections. */
  @Override
  public void close() {
    thread.interrupt();
    wires.forEach(Wire::close);
  }
}
