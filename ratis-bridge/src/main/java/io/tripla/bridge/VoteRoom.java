// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Room for this node's term and its vote on a disk that others have filled: a file that is deleted when
 * one of the two must be written and nothing else is free. So a leader with a full disk can follow the one
 * that replaces it.
 *
 * <p>Any thread.
 */
final class VoteRoom {
  /** With less free the file is not made: the log needs it. */
  private static final long MADE_FROM_BYTES = 4 << 20;

  private static final int BYTES = (int) (2 * LogRoom.VOTE_BYTES);
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final File directory;
  private final Path file;
  private final LongSupplier clock;
  private volatile boolean kept;
  private volatile long retry;

  /** @param clock nanoseconds, as System.nanoTime() */
  VoteRoom(File directory, LongSupplier clock) {
    this.directory = directory;
    this.clock = clock;
    file = directory.toPath().resolve("room-for-votes");
    kept = file.toFile().length() == BYTES;
    retry = clock.getAsLong();
  }

  /** Called before a term or a vote is written. Throws when there is no room for it. */
  synchronized void check() throws IOException {
    if (directory.getUsableSpace() >= LogRoom.VOTE_BYTES) {
      return;
    }
    kept = false;
    Files.deleteIfExists(file);
    if (directory.getUsableSpace() < LogRoom.VOTE_BYTES) {
      throw new IOException("its disk is full");
    }
  }

  /** Makes the file again when there is room. Called often. */
  void keep() {
    if (!kept && clock.getAsLong() - retry >= 0) {
      make();
    }
  }

  private synchronized void make() {
    retry = clock.getAsLong() + RETRY_NANOS;
    if (directory.getUsableSpace() < MADE_FROM_BYTES) {
      return;
    }
    try {
      Files.write(file, new byte[BYTES]);
      kept = true;
    } catch (IOException e) {
      file.toFile().delete(); // a part of it is no use
    }
  }
}
