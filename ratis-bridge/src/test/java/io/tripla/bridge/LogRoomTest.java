// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.util.AtomicFileOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written, or not, on a full disk. */
class LogRoomTest {
  @TempDir Path directory;

  private File file() {
    return directory.resolve("segment").toFile();
  }

  @Test
  void whatHasNoRoomIsTriedAgainUntilItHas() throws IOException {
    AtomicInteger tries = new AtomicInteger();
    int result =
        LogRoom.await(
            file(),
            1,
            () -> {
              if (tries.incrementAndGet() < 3) {
                throw new IOException("No space left on device");
              }
              return tries.get();
            });
    assertEquals(3, result);
  }

  @Test
  void anyOtherErrorIsTheEnd() {
    AtomicInteger tries = new AtomicInteger();
    assertThrows(
        IOException.class,
        () ->
            LogRoom.await(
                file(),
                1,
                () -> {
                  tries.incrementAndGet();
                  throw new IOException("Input/output error");
                }));
    assertEquals(1, tries.get());
  }

  @Test
  void theClassesThatReplaceRatissStandBeforeThem() {
    String own = place(LogRoom.class);
    assertEquals(own, place(AtomicFileOutputStream.class));
    assertEquals(
        own,
        place(org.apache.ratis.server.raftlog.segmented.SegmentedRaftLogOutputStream.class));
  }

  private static String place(Class<?> type) {
    return type.getProtectionDomain().getCodeSource().getLocation().toString();
  }

  @Test
  void twoThatWriteTheSameFileAtOnceBothSucceed() throws IOException {
    Path vote = directory.resolve("raft-meta");
    AtomicFileOutputStream first = new AtomicFileOutputStream(vote.toFile());
    AtomicFileOutputStream second = new AtomicFileOutputStream(vote.toFile());
    first.write("the first".getBytes());
    second.write("and the second, which is longer".getBytes());
    first.close();
    assertEquals("the first", Files.readString(vote));
    second.close();
    assertEquals("and the second, which is longer", Files.readString(vote));
    assertEquals(1, directory.toFile().list().length);
  }

  @Test
  void aFileThatCouldNotBeWrittenDoesNotReplaceTheFormerOne() throws IOException {
    Path vote = directory.resolve("raft-meta");
    Files.writeString(vote, "term=7");
    AtomicFileOutputStream out = new AtomicFileOutputStream(vote.toFile());
    assertThrows(RuntimeException.class, () -> out.write(new byte[] {1}, 0, 2));
    assertThrows(IOException.class, out::close);
    assertEquals("term=7", Files.readString(vote));
    try (AtomicFileOutputStream good = new AtomicFileOutputStream(vote.toFile())) {
      good.write("term=8".getBytes(), 0, 6);
    }
    assertEquals("term=8", Files.readString(vote));
  }

  @Test
  void whoHasNoRoomLetsOthersStandForElectionFirst() throws IOException {
    AtomicLong now = new AtomicLong(1000);
    AtomicBoolean full = new AtomicBoolean(true);
    CandidateRoom room = new CandidateRoom(bytes -> !full.get(), now::get);
    assertThrows(IOException.class, room::check);
    now.addAndGet(CandidateRoom.PATIENCE.toNanos() - 1);
    assertThrows(IOException.class, room::check);
    now.incrementAndGet();
    room.check(); // nobody else leads
    room.follow();
    assertThrows(IOException.class, room::check, "after a leader it waits again");
    full.set(false);
    room.check();
  }

  @Test
  void theFileForVotesIsMadeWhenThereIsRoom() {
    AtomicLong now = new AtomicLong();
    VoteRoom room = new VoteRoom(directory.toFile(), now::get);
    room.keep();
    assertTrue(directory.resolve("room-for-votes").toFile().length() > LogRoom.VOTE_BYTES);
    VoteRoom without = new VoteRoom(new File("/proc"), now::get);
    without.keep();
    IOException full = assertThrows(IOException.class, without::check);
    assertTrue(full.getMessage().contains("its disk is full"));
    assertFalse(new File("/proc/room-for-votes").exists());
  }
}
