// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of entries that come while others wait for the disk. */
@Timeout(60)
class AppendTurnTest {
  private static final AppendEntriesReplyProto REPLY = AppendEntriesReplyProto.getDefaultInstance();

  private final List<String> deaths = new ArrayList<>();
  private final AppendTurn turn = new AppendTurn(Duration.ofMillis(1), deaths::add);
  private final CountDownLatch disk = new CountDownLatch(1);
  private final CountDownLatch waits = new CountDownLatch(1);
  private final Thread slow = new Thread(this::appendSlowly);

  private void appendSlowly() {
    try {
      turn.take(
          () -> {
            waits.countDown();
            awaitDisk();
            return REPLY;
          });
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void awaitDisk() {
    try {
      disk.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterEach
  void letDiskGoOn() throws InterruptedException {
    disk.countDown();
    slow.join();
  }

  private void expectRefused() {
    IOException e = assertThrows(IOException.class, () -> turn.take(() -> REPLY));
    assertTrue(e.getMessage().contains("its disk has not taken yet"), e.getMessage());
  }

  @Test
  void theyAreRefusedUntilTheDiskHasTheOthers() throws Exception {
    slow.start();
    waits.await();
    expectRefused();
    letDiskGoOn();
    assertSame(REPLY, turn.take(() -> REPLY));
  }

  @Test
  void anAppendThatFailsKeepsNobodyOut() throws IOException {
    assertThrows(
        IOException.class,
        () ->
            turn.take(
                () -> {
                  throw new IOException("no");
                }));
    assertSame(REPLY, turn.take(() -> REPLY));
  }

  @Test
  void anAppendThatNeverEndsEndsTheProcess() throws InterruptedException {
    slow.start();
    waits.await();
    for (int i = 1; i < AppendTurn.REFUSALS_MAX; ++i) {
      expectRefused();
    }
    assertEquals(List.of(), deaths);
    expectRefused();
    assertEquals(1, deaths.size());
  }
}
