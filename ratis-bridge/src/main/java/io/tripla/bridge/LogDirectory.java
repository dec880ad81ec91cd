// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.function.Consumer;

/**
 * The directory in which Ratis keeps the term and vote of this node, the list of members and the log.
 * It makes the names of these files durable before anybody hears what they hold.
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
    void of(Path directory) throws IOException;
  }

  /** Several times the period in which the kernel's clock for the times of files goes on. */
  private static final long TICK_MS = 20;

  private final Path path;
  private final Sync sync;
  private final Consumer<String> die;

  /** When the directory was changed last, of all changes that are known to be durable. */
  private volatile FileTime durable;

  /** @param die ends the process */
  LogDirectory(Path path, Sync sync, Consumer<String> die) {
    this.path = path;
    this.sync = sync;
    this.die = die;
  }

  /** Called before each message to another node and each answer to a client. */
  void sync() throws IOException {
    FileTime changed = changed();
    if (changed != null && !changed.equals(durable)) {
      syncChanges();
    }
  }

  private synchronized void syncChanges() throws IOException {
    long now = System.currentTimeMillis();
    FileTime changed = changed();
    if (changed.equals(durable)) {
      return;
    }
    try {
      sync.of(path);
    } catch (IOException e) {
      die.accept(
          path
              + ": "
              + e.getMessage()
              + " while the directory was synced, so whether the vote of this node is on the disk is "
              + "unknown; check the disk, then start the server again");
      throw e;
    }
    // A change right after this one may have the same time.
    if (now - changed.toMillis() > TICK_MS) {
      durable = changed;
    }
  }

  /** Null as long as Ratis has not made the directory. */
  private FileTime changed() throws IOException {
    try {
      return (FileTime) Files.getAttribute(path, "unix:ctime");
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  static void force(Path directory) throws IOException {
    try (FileChannel opened = FileChannel.open(directory, StandardOpenOption.READ)) {
      opened.force(true);
    }
  }
}
