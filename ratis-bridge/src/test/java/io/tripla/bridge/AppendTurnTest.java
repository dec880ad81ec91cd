// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of entries that come while others wait for the disk. */
@Timeout(60)
class AppendTurnTest {
  private static final AppendEntriesReplyProto REPLY = AppendEntriesReplyProto.getDefaultInstance();

  private final List<String> deaths = new ArrayList<>();
  private final AppendTurn turn = new AppendTurn(Duration.ofMillis(1), deaths::add);
  private final CompletableFuture<AppendEntriesReplyProto> onDisk = new CompletableFuture<>();

  private void expectTaken() throws IOException {
    assertEquals(REPLY, turn.take(() -> CompletableFuture.completedFuture(REPLY)).join());
  }

  private void expectRefused() {
    IOException e = assertThrows(IOException.class, this::expectTaken);
    assertTrue(e.getMessage().contains("its disk has not taken yet"), e.getMessage());
  }

  @Test
  void theyAreRefusedUntilTheDiskHasTheOthers() throws IOException {
    turn.take(() -> onDisk);
    expectRefused();
    expectRefused();
    onDisk.complete(REPLY);
    expectTaken();
    expectTaken();
  }

  @Test
  void anAppendThatFailsKeepsNobodyOut() throws IOException {
    turn.take(() -> onDisk);
    onDisk.completeExceptionally(new IOException("no"));
    expectTaken();
    assertThrows(
        IOException.class,
        () ->
            turn.take(
                () -> {
                  throw new IOException("no");
                }));
    expectTaken();
  }

  @Test
  void anAppendThatNeverEndsEndsTheProcess() throws IOException {
    turn.take(() -> onDisk);
    for (int i = 1; i < AppendTurn.REFUSALS_MAX; ++i) {
      expectRefused();
    }
    assertEquals(List.of(), deaths);
    expectRefused();
    assertEquals(1, deaths.size());
  }
}
