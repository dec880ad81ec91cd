// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;

/**
 * Entries are appended by one call at a time, which ends when the disk has them.
 *
 * <p>A leader that gets no answer in time sends the same again. Ratis (3.3.0) then finds the entries in
 * its memory and has nothing left to wait for: it answers at once, though the disk may not have them
 * yet, and the leader counts what a power cut would take back.
 *
 * <p>It also looks at a leader's term before it waits for other things, and not again behind them: an
 * append of a deposed leader that was held up there would cut off what its successor has appended
 * meanwhile. With turns, the successor's entries come behind it.
 *
 * <p>Any thread.
 */
final class AppendTurn {
  static final String NOT_YET = "its disk has not taken yet what it was sent before";

  /** Less than the sender waits for an answer. */
  static final Duration PATIENCE = Duration.ofMillis(500);

  /** So often in a row, a minute if one sender asks, another append was still waiting. */
  static final int REFUSALS_MAX = 120;

  /** Appends; done when the disk has it. */
  interface Append {
    CompletableFuture<? extends MessageLite> run() throws IOException;
  }

  private final Semaphore turn = new Semaphore(1);
  private final Duration patience;
  private final Consumer<String> die;
  private int refusals;

  /** @param die ends the process: an append that never ends keeps all others out */
  AppendTurn(Duration patience, Consumer<String> die) {
    this.patience = patience;
    this.die = die;
  }

  /** An error when what came before is not on the disk in time; the sender tries again. */
  CompletableFuture<? extends MessageLite> take(Append append) throws IOException {
    if (!tryTurn()) {
      throw refuse();
    }
    CompletableFuture<? extends MessageLite> appended = null;
    try {
      appended = append.run().whenComplete((reply, error) -> turn.release());
      return appended;
    } finally {
      if (appended == null) {
        turn.release();
      }
    }
  }

  private boolean tryTurn() {
    try {
      return turn.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS) && forgetRefusals();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private synchronized boolean forgetRefusals() {
    refusals = 0;
    return true;
  }

  private synchronized IOException refuse() {
    if (++refusals >= REFUSALS_MAX) {
      die.accept(
          "entries wait and wait to be written to the log, and no others can follow; check the disk,"
              + " then start the server again");
    }
    return new IOException(NOT_YET);
  }
}
