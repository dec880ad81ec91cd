// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.SnapshotRetentionPolicy;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.impl.SingleFileSnapshotInfo;

/**
 * The server's images as Ratis's snapshots. They are written, counted and removed in C++; Ratis sends
 * the newest to a follower that lags behind, and there puts it in place of all that were.
 */
final class Images implements StateMachineStorage {
  private final long log;
  private final File directory;
  private File incoming;

  Images(long log, File directory) {
    this.log = log;
    this.directory = directory;
  }

  @Override
  public void init(RaftStorage storage) {
    incoming = storage.getStorageDir().getTmpDir();
  }

  @Override
  public SnapshotInfo getLatestSnapshot() {
    long[] termAndIndex = new long[2];
    String path = Native.newestImage(log, termAndIndex);
    if (path == null) {
      return null;
    }
    // Without a digest Ratis makes one while it sends.
    return new SingleFileSnapshotInfo(
        new FileInfo(Path.of(path), null), TermIndex.valueOf(termAndIndex[0], termAndIndex[1]));
  }

  @Override
  public File getSnapshotDir() {
    return directory;
  }

  @Override
  public void format() {}

  @Override
  public void cleanupOldSnapshots(SnapshotRetentionPolicy policy) {}

  /** Makes what was received durable, which Ratis leaves to chance; it comes in force next. */
  void syncIncoming() {
    try (Stream<Path> files = Files.walk(incoming.toPath())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
          channel.force(true);
        }
      }
    } catch (IOException e) {
      Native.die("an image that was received could not be made durable: " + e);
    }
  }

  /** Removes the digests that Ratis leaves beside what it received. */
  void removeDigests() throws IOException {
    try (Stream<Path> files = Files.list(directory.toPath())) {
      List<Path> digests = files.filter(file -> file.toString().endsWith(".md5")).toList();
      for (Path digest : digests) {
        Files.delete(digest);
      }
    }
  }
}
