// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Ratis renames into its place is durable before anybody hears of it (C1). */
class LogDirectoryTest extends Nodes {
  @TempDir Path temporary;

  /** What Ratis does when it writes a vote, without the sync of the file. */
  private void rename(String content) {
    try {
      Path file = temporary.resolve("raft-meta.tmp");
      Files.writeString(file, content);
      Files.move(file, temporary.resolve("raft-meta"), StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** That of another node. */
  private Path other() throws IOException {
    return Files.createDirectory(directory.resolve("other"));
  }

  /** What a sync of the directory does; that of another node does nothing. */
  private void syncedTo(ThrowingSync sync) {
    synced =
        path -> {
          if (path.equals(temporary)) {
            sync.run();
          }
        };
  }

  private interface ThrowingSync {
    void run() throws IOException;
  }

  private LogDirectory of(LogDirectory.Sync sync) {
    return new LogDirectory(temporary, sync, died::set, System::currentTimeMillis);
  }

  private String written() {
    try {
      return Files.readString(temporary.resolve("raft-meta"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aVoteIsDurableBeforeItIsAnswered() throws IOException {
    AtomicReference<String> durable = new AtomicReference<>("");
    directory = temporary;
    syncedTo(() -> durable.set(written()));
    onVote = () -> rename("a vote");
    start(CLUSTER, "n2", port2);
    directory = other();
    askForVote(start(CLUSTER, "n1", port1), 7);
    assertEquals("a vote", durable.get());
  }

  @Test
  void theTermOfAnAppendedEntryIsDurableBeforeItIsAnswered() throws IOException {
    AtomicReference<String> durable = new AtomicReference<>("");
    directory = temporary;
    syncedTo(() -> durable.set(written()));
    start(CLUSTER, "n2", port2);
    rename("a term");
    directory = other();
    start(CLUSTER, "n1", port1).appendEntries(appendFrom("n1", 1));
    assertEquals("a term", durable.get());
  }

  @Test
  void anOwnCandidacyIsDurableBeforeAnybodyIsAskedForAVote() throws IOException {
    AtomicReference<String> durable = new AtomicReference<>("");
    start(CLUSTER, "n2", port2);
    directory = temporary;
    syncedTo(() -> durable.set(written()));
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    rename("for myself");
    onVote = () -> assertEquals("for myself", durable.get());
    assertEquals(7, askForVote(n1, 7));
  }

  @Test
  void whatCannotBeSyncedIsNotToldAndEndsTheProcess() throws IOException {
    directory = temporary;
    syncedTo(
        () -> {
          throw new IOException("broken");
        });
    onVote = () -> rename("a vote");
    start(CLUSTER, "n2", port2);
    directory = other();
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    assertThrows(IOException.class, () -> askForVote(n1, 7));
    assertTrue(died.get().contains(temporary + ": broken"), died.get());
  }

  @Test
  void aChangeThatMayHaveTheTimeOfTheOneBeforeIsSyncedToo() throws IOException {
    AtomicReference<String> durable = new AtomicReference<>("");
    LogDirectory changed = of(path -> durable.set(written()));
    for (int i = 0; i < 10_000; ++i) {
      rename("vote " + i);
      changed.sync();
      assertEquals("vote " + i, durable.get());
    }
  }

  @Test
  void withoutAChangeNothingIsSynced() throws IOException {
    AtomicInteger syncs = new AtomicInteger();
    LogDirectory unchanged = of(path -> syncs.incrementAndGet());
    rename("a vote");
    int before;
    do { // until the change is longer ago than a step of the clock
      before = syncs.get();
      unchanged.sync();
    } while (syncs.get() != before);
    assertTrue(before > 0);
    unchanged.sync();
    assertEquals(before, syncs.get());
  }

  @Test
  void aClockThatWasSetBackCausesNoSyncForEachMessage() throws IOException {
    AtomicInteger syncs = new AtomicInteger();
    LogDirectory unchanged =
        new LogDirectory(
            temporary,
            path -> syncs.incrementAndGet(),
            died::set,
            () -> System.currentTimeMillis() - 3_600_000);
    rename("a vote");
    unchanged.sync();
    unchanged.sync();
    assertEquals(1, syncs.get());
  }

  @Test
  void aSyncThatWasNotTriedIsTriedAgain() throws IOException {
    AtomicInteger syncs = new AtomicInteger();
    LogDirectory changed =
        of(
            path -> {
              if (syncs.incrementAndGet() == 1) {
                throw new LogDirectory.NotTried(new IOException("too many open files"));
              }
            });
    assertThrows(IOException.class, changed::sync);
    changed.sync();
    assertEquals(2, syncs.get());
    assertNull(died.get());
  }

  @Test
  void anInterruptEndsNoSync() throws IOException {
    Thread.currentThread().interrupt();
    LogDirectory.force(temporary);
    assertTrue(Thread.interrupted(), "and stays");
  }
}
