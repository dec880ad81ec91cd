// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Reads that rest on no lease. */
class AckRoundTest {
  private final AtomicLong now = new AtomicLong(1000);

  @Test
  void anAnswerToWhatWasSentBeforeShowsNothing() {
    AckRound round = new AckRound(3, now::get);
    CompletableFuture<Boolean> done = round.begin(1);
    round.acknowledge(1, "n2", 999);
    assertFalse(done.isDone());
    round.acknowledge(1, "n2", 1000);
    assertTrue(done.join());
  }

  @Test
  void ofFiveTwoDifferentNodesMustAnswer() {
    AckRound round = new AckRound(5, now::get);
    CompletableFuture<Boolean> done = round.begin(1);
    round.acknowledge(1, "n2", 1001);
    round.acknowledge(1, "n2", 1002);
    assertFalse(done.isDone());
    round.acknowledge(1, "n3", 1001);
    assertTrue(done.join());
  }

  @Test
  void anAnswerOfAnotherTermShowsNothing() {
    AckRound round = new AckRound(3, now::get);
    CompletableFuture<Boolean> done = round.begin(2);
    round.acknowledge(1, "n2", 1001);
    round.acknowledge(3, "n2", 1001);
    assertFalse(done.isDone());
  }

  @Test
  void whatWasAnsweredInOneRoundDoesNotCountInTheNext() {
    AckRound round = new AckRound(3, now::get);
    assertFalse(round.begin(1).isDone());
    round.acknowledge(1, "n2", 1001);
    now.set(2000);
    CompletableFuture<Boolean> next = round.begin(1);
    round.acknowledge(1, "n2", 1999);
    assertFalse(next.isDone());
  }

  @Test
  void whoLeadsNoMoreIsToldSo() {
    AckRound round = new AckRound(3, now::get);
    CompletableFuture<Boolean> done = round.begin(1);
    round.end();
    assertFalse(done.join());
  }

  @Test
  void aSingleMemberNeedsNobody() {
    assertTrue(new AckRound(1, now::get).begin(1).join());
  }
}
