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
 * Lets one append run at a time: the next begins when the entries of the one before are on the disk.
 *
 * <p>A leader that gets no answer in time sends the same entries again. Ratis (3.3.0) finds them in
 * memory and acknowledges them at once, though they may not be on the disk. The leader would count a
 * copy that a power cut can still destroy.
 *
 * <p>Ratis also checks a leader's term first, then waits for other things, and does not check again. An
 * append of a deposed leader that waits there would remove what its successor has appended meanwhile.
 * One at a time, the successor's entries are appended after it.
 *
 * <p>Any thread.
 */
final class AppendTurn {
  static final String NOT_YET = "its disk has not taken yet what it was sent before";

  /** Less than the sender waits for an answer. */
  static final Duration PATIENCE = Duration.ofMillis(500);

  /** After so many refusals in a row the process ends; one sender needs a minute for them. */
  static final int REFUSALS_MAX = 120;

  /** Appends; done when the disk has it. */
  interface Append {
    CompletableFuture<? extends MessageLite> run() throws IOException;
  }

  private final Semaphore turn = new Semaphore(1);
  private final Duration patience;
  private final Consumer<String> die;
  private int refusals;

  /** @param die ends the process; called when an append never ends, since all others wait for it */
  AppendTurn(Duration patience, Consumer<String> die) {
    this.patience = patience;
    this.die = die;
  }

  /**
   * Runs an append when the one before has ended. Throws an error when that takes too long; the sender
   * tries again.
   */
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
    if (!LogRoom.isAwaited() && ++refusals >= REFUSALS_MAX) {
      die.accept(
          "entries wait and wait to be written to the log, and no others can follow; check the disk,"
              + " then start the server again");
    }
    return new IOException(NOT_YET);
  }
}
