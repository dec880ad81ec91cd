// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** When a follower stands for election. */
class CandidacyTest implements Candidacy.Follower {
  private final Candidacy candidacy = new Candidacy(this);
  private final List<Duration> stood = new ArrayList<>();
  private Optional<Duration> silence = Optional.of(Duration.ZERO);
  private boolean executesAMessage;

  @Override
  public Optional<Duration> silence() {
    return silence;
  }

  @Override
  public boolean stand(Duration patience) {
    stood.add(patience);
    return !executesAMessage;
  }

  private Duration look() {
    return candidacy.look(Duration.ZERO);
  }

  @Test
  void itLooksAgainJustWhenItsPatienceWillHaveEndedAndThenStands() {
    for (int i = 0; i < 1000; ++i) {
      silence = Optional.of(Duration.ofMillis(i % 500));
      Duration patience = look().plus(silence.get());
      assertTrue(patience.compareTo(Candidacy.PATIENCE_MIN) >= 0, patience.toString());
      assertTrue(patience.compareTo(Candidacy.PATIENCE_MAX) <= 0, patience.toString());
      stood.clear();
      silence = Optional.of(patience.minusMillis(1));
      Duration next = look();
      assertEquals(List.of(), stood, "its patience ends in 1 ms");
      silence = Optional.of(next.plus(silence.get()));
      look();
      assertEquals(1, stood.size());
      assertTrue(stood.get(0).compareTo(silence.get()) <= 0);
    }
  }

  @Test
  void aWordOfTheLeaderBeginsItsPatienceAnew() {
    look();
    silence = Optional.of(Duration.ofMillis(1));
    assertTrue(look().compareTo(Duration.ZERO) > 0);
    assertEquals(List.of(), stood);
  }

  @Test
  void whenANewDrawOfItsPatienceHasAlreadyEndedItLooksAtOnceAndIsNotLate() {
    silence = Optional.of(Candidacy.PATIENCE_MAX.minusMillis(1));
    for (int i = 0; i < 1000; ++i) {
      assertTrue(!look().isNegative());
    }
  }

  @Test
  void whoDoesNotFollowNeverStands() {
    silence = Optional.empty();
    for (int i = 0; i < 10; ++i) {
      assertTrue(look().compareTo(Candidacy.PATIENCE_MIN) >= 0);
    }
    assertEquals(List.of(), stood);
  }

  @Test
  void afterThisProcessWasStoppedWhatItsLeaderHasSaidMeanwhileIsReadFirst() {
    silence = Optional.of(Duration.ofSeconds(20));
    assertEquals(Candidacy.HEARTBEAT, candidacy.look(Candidacy.LATE.plusMillis(1)));
    assertEquals(List.of(), stood);
    look();
    assertEquals(1, stood.size(), "the leader has said nothing");
  }

  @Test
  void whileAMessageIsBeingExecutedItAsksAgainSoonAndNotWithoutRest() {
    executesAMessage = true;
    silence = Optional.of(Duration.ofSeconds(5));
    assertEquals(Candidacy.PAUSE, look());
    assertEquals(Candidacy.PAUSE, look());
    assertEquals(2, stood.size());
  }
}
