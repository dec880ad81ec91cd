// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What is kept for a follower that is sent an image (C2). */
class OutgoingImagesTest {
  private final AtomicLong now = new AtomicLong();
  private final AtomicInteger refused = new AtomicInteger();
  private final OutgoingImages images = new OutgoingImages(now::get, refused::incrementAndGet);
  private long acknowledged = -1;

  private long releasable(long through) {
    return images.releasable(through, node -> acknowledged);
  }

  private void pass(double parts) {
    now.addAndGet((long) (parts * OutgoingImages.PATIENCE.toNanos()));
  }

  @Test
  void theLogBehindAnImageStaysUntilTheFollowerHasIt() {
    assertEquals(500, releasable(500));
    images.begin("n3", 100, 1000);
    assertTrue(images.isBeingSent(100));
    assertFalse(images.isBeingSent(200));
    for (int percent = 0; percent < 100; percent += 10) { // for ten times the patience
      pass(0.9);
      images.sent("n3", percent, false);
      assertEquals(100, releasable(500 + percent));
    }
    images.sent("n3", 100, true);
    assertFalse(images.isBeingSent(100));
    assertEquals(100, releasable(700));
    acknowledged = 400;
    assertEquals(400, releasable(800));
    acknowledged = 900;
    assertEquals(800, releasable(800));
    acknowledged = -1;
    assertEquals(900, releasable(900), "it follows: nothing is kept any more");
  }

  @Test
  void progressIsKnownUntilAllOfItIsTaken() {
    assertNull(images.progress("n3"));
    images.begin("n3", 100, 1000);
    images.sent("n3", 40, false);
    assertEquals(new OutgoingImages.Progress(100, 1000, 40, 1, ""), images.progress("n3"));
    images.failed("n3", "its disk is full", false);
    assertEquals("its disk is full", images.progress("n3").trouble());
    images.begin("n3", 200, 2000);
    images.sent("n3", 10, false);
    assertEquals(new OutgoingImages.Progress(200, 2000, 10, 2, ""), images.progress("n3"));
    images.sent("n3", 100, true);
    assertNull(images.progress("n3"));
  }

  @Test
  void nothingIsKeptForWhoTakesNothing() {
    images.begin("n3", 100, 1000);
    pass(1);
    assertEquals(100, releasable(500));
    pass(0.1);
    assertEquals(500, releasable(500));
    assertFalse(images.isBeingSent(100));
  }

  @Test
  void theOneThatHasLeastDecides() {
    images.begin("n2", 100, 1000);
    images.begin("n3", 200, 1000);
    assertEquals(100, releasable(500));
    images.sent("n2", 100, true);
    acknowledged = 600;
    assertEquals(200, releasable(500));
  }

  /** It must verify its own image, once, whoever refuses it how often (C6). */
  @Test
  void aRefusalIsToldOnceAnImage() {
    images.begin("n3", 100, 1000);
    images.failed("n3", "n3 did not answer", false);
    assertEquals(0, refused.get());
    for (int attempt = 2; attempt < 9; ++attempt) {
      images.begin("n3", 100, 1000);
      images.failed("n3", "the checksum of the block does not fit", true);
      assertEquals(1, refused.get());
    }
    images.begin("n3", 200, 1000);
    images.failed("n3", "the checksum of the block does not fit", true);
    assertEquals(2, refused.get());
  }

  @Test
  void aFormerLeaderKeepsNothing() {
    images.begin("n3", 100, 1000);
    images.clear();
    assertEquals(500, releasable(500));
  }
}
