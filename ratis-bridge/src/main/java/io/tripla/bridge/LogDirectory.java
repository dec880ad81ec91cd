// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * A directory in which Ratis keeps files: the term and vote of this node, the list of members, the log,
 * received images. It makes the names of the files durable before anybody hears what they hold.
 *
 * <p>Ratis (3.3.0) syncs what it writes into a file, but not the directory into which it renames the
 * file. A power cut could bring back the former file with the former vote, and this node could vote
 * twice in one term. A server must have its term, its vote and its log on stable storage before it
 * answers (Ongaro's dissertation, figure 3.1).
 *
 * <p>Any thread.
 */
final class LogDirectory {
  /** Makes durable which files a directory holds. */
  interface Sync {
    /** An error of {@link NotTried} leaves everything as it was. */
    void of(Path directory) throws IOException;
  }

  /** The directory could not even be opened, so its sync can be tried again. */
  static final class NotTried extends IOException {
    NotTried(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  /** Two changes within this time may have the same time: the kernel's clock moves in steps of 4 ms. */
  private static final long STEP_MS = 20;

  /** The same for a file system that keeps whole seconds. */
  private static final long STEP_OF_SECONDS_MS = 2000;

  private final Path path;
  private final Sync sync;
  private final Consumer<String> die;
  private final LongSupplier clockMs;

  /** The time of the last change that is known to be durable. */
  private volatile FileTime durable;

  /**
   * @param die ends the process
   * @param clockMs as System.currentTimeMillis()
   */
  LogDirectory(Path path, Sync sync, Consumer<String> die, LongSupplier clockMs) {
    this.path = path;
    this.sync = sync;
    this.die = die;
    this.clockMs = clockMs;
  }

  /**
   * Called before each message to another node, and before an entry is applied. After an error the
   * message must not be sent.
   */
  void sync() throws IOException {
    if (!changed().equals(durable)) {
      syncChanges();
    }
  }

  private synchronized void syncChanges() throws IOException {
    long now = clockMs.getAsLong();
    FileTime changed = changed();
    if (changed.equals(durable)) {
      return;
    }
    try {
      sync.of(path);
    } catch (NotTried e) {
      throw e;
    } catch (IOException e) {
      die.accept(
          path
              + ": "
              + e.getMessage()
              + " while the directory was synced, so whether the vote of this node is on the disk is "
              + "unknown; check the disk, then start the server again");
      throw e;
    }
    boolean wholeSeconds = changed.toInstant().getNano() == 0;
    if (Math.abs(now - changed.toMillis()) > (wholeSeconds ? STEP_OF_SECONDS_MS : STEP_MS)) {
      durable = changed;
    }
  }

  private FileTime changed() throws IOException {
    return Files.getLastModifiedTime(path);
  }

  /**
   * Ratis interrupts its threads, when votes are not needed any more or a leader steps down. That ends
   * no sync.
   */
  static void force(Path directory) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        try (FileChannel opened = open(directory)) {
          opened.force(true);
          return;
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static FileChannel open(Path directory) throws NotTried {
    try {
      return FileChannel.open(directory, StandardOpenOption.READ);
    } catch (IOException e) {
      throw new NotTried(e);
    }
  }
}
