// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.AwaitToRun;

/**
 * Closes a server. Ratis (3.3.0) may wait for ever there: SegmentedRaftLog.close() keeps the log's lock
 * while it waits for the thread that evicts from the log's cache, and that one may be waiting for the
 * lock. An interrupt ends the first wait, and with it the second.
 */
final class ServerEnd {
  private static final long LOOK_MS = 500;

  private ServerEnd() {}

  static void close(RaftServer server) throws IOException {
    CountDownLatch closed = new CountDownLatch(1);
    Thread looker = Threads.daemon("tripla-end", () -> lookAfter(server, closed));
    looker.start();
    try {
      server.close();
    } finally {
      closed.countDown();
      Threads.awaitEnd(looker);
    }
  }

  private static void lookAfter(RaftServer server, CountDownLatch closed) {
    boolean still = false;
    try {
      while (!closed.await(LOOK_MS, TimeUnit.MILLISECONDS)) {
        Map<Thread, StackTraceElement[]> stacks = Thread.getAllStackTraces();
        // The interrupt also ends the wait for the log's writer that comes next: it must be idle.
        boolean idle = stacks.values().stream().noneMatch(ServerEnd::writesLog);
        if (idle && still) {
          stacks.forEach((thread, stack) -> wake(server, thread, stack));
        }
        still = idle;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void wake(RaftServer server, Thread thread, StackTraceElement[] stack) {
    if (thread.getName().startsWith(server.getId() + "-impl-thread")
        && Arrays.stream(stack).anyMatch(ServerEnd::waitsForEviction)) {
      thread.interrupt();
    }
  }

  private static boolean writesLog(StackTraceElement[] stack) {
    return Arrays.stream(stack)
        .anyMatch(
            frame ->
                frame.getClassName().contains(".SegmentedRaftLogWorker$")
                    && frame.getMethodName().equals("execute"));
  }

  private static boolean waitsForEviction(StackTraceElement frame) {
    return frame.getClassName().equals(AwaitToRun.class.getName())
        && frame.getMethodName().equals("close");
  }
}
