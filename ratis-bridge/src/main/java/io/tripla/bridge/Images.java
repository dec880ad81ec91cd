// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.function.LongPredicate;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.SnapshotRetentionPolicy;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.impl.SingleFileSnapshotInfo;
import org.apache.ratis.util.FileUtils;

/**
 * The server's images as Ratis's snapshots. The server writes, counts and removes them in a directory
 * of its own; Ratis's directory sm/ is only the way from one replica to another: a second name of the
 * newest image, for sending, or what was received, until the server takes it away.
 */
final class Images implements StateMachineStorage {
  private static final Logger LOG = System.getLogger(Images.class.getName());

  private final Duration patience;
  private final LongPredicate isBeingSent;
  private File root;
  private File sending;
  private File incoming;
  private volatile SnapshotInfo newest;
  private Path image;
  private TermIndex place;

  /** From when the whole of an image has arrived until the server has installed it. */
  private boolean installing;

  /**
   * @param patience how long an image that comes waits for the one before to be installed
   * @param isBeingSent whether the image of this index is on its way to another node
   */
  Images(Duration patience, LongPredicate isBeingSent) {
    this.patience = patience;
    this.isBeingSent = isBeingSent;
  }

  @Override
  public void init(RaftStorage storage) throws IOException {
    root = storage.getStorageDir().getRoot();
    sending = storage.getStorageDir().getStateMachineDir();
    incoming = storage.getStorageDir().getTmpDir();
    removeIncoming();
    removeReplaced();
  }

  /** What Ratis has put aside for a received image. */
  private void removeReplaced() throws IOException {
    removeFrom(root, name -> name.startsWith(sending.getName() + ".tmp"));
  }

  /**
   * Offers this image to the other replicas, unless it or a later one is offered; {@code path} is on the file
   * system of the log. Does nothing while a received image is being installed.
   */
  synchronized void set(Path path, TermIndex place) throws IOException {
    Path link = sending.toPath().resolve(path.getFileName());
    if (installing || newest != null && newest.getIndex() > place.getIndex() || isOffered(link, path)) {
      return;
    }
    this.image = path;
    this.place = place;
    FileUtils.createDirectories(sending);
    Files.deleteIfExists(link);
    Files.createLink(link, path);
    // Without a digest Ratis makes one while it sends.
    newest = new SingleFileSnapshotInfo(new FileInfo(link, null), place);
    // Only now: a sender that looks for the former image must find it or this one. As long as what is
    // being sent has this second name, the server does not shorten it.
    removeFrom(
        sending,
        name -> !name.equals(link.getFileName().toString()) && !isBeingSent.test(indexOf(name)));
  }

  /** False for one of the same entries that has replaced a damaged one. */
  private boolean isOffered(Path link, Path path) throws IOException {
    return newest != null
        && newest.getFiles().get(0).getPath().equals(link)
        && Files.exists(link)
        && Files.isSameFile(link, path);
  }

  /** Of an image, by the name of its file; -1 for another file. */
  private static long indexOf(String name) {
    return name.matches("\\d{20}\\.image") ? Long.parseLong(name.substring(0, 20)) : -1;
  }

  /** The whole of an image was received. Ratis moves it to sm/ next, then it is installed. */
  synchronized void beginInstall() {
    installing = true;
  }

  /** The server has installed what was received: its newest image is the one at this path. */
  synchronized void endInstall(Path path, TermIndex place) throws IOException {
    installing = false;
    notifyAll();
    set(path, place);
  }

  /** Whether what was received never got into sm/, so that it will not be installed. */
  synchronized boolean hasInstallFailed() {
    String[] received = incoming.list();
    return installing && received != null && received.length > 0;
  }

  /** Nothing is installed. The image in force stays, and can be sent again. */
  synchronized void abandonInstall() {
    installing = false;
    notifyAll();
    newest = null;
    try {
      removeReplaced();
      if (image != null) {
        set(image, place);
      }
    } catch (IOException e) {
      LOG.log(Level.WARNING, "no image can be sent before the next is written: {0}", e.toString());
    }
  }

  /**
   * Waits until no image is being installed. Ratis would replace the file that is being read by the next
   * one, and believe that the next one had been installed. An error after a while.
   */
  synchronized void awaitInstalled() throws IOException {
    long end = System.nanoTime() + patience.toNanos();
    try {
      for (long left; installing && (left = end - System.nanoTime()) > 0; ) {
        NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (installing) {
      throw new IOException("it still installs the image that came before");
    }
  }

  /** Removes what an interrupted transfer has left, which Ratis would keep for ever. */
  void removeIncoming() {
    try {
      removeFrom(incoming, name -> true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void removeFrom(File directory, Predicate<String> which) throws IOException {
    File[] files = directory.listFiles((parent, name) -> which.test(name));
    if (files != null) {
      for (File file : files) {
        FileUtils.deleteFully(file);
      }
    }
  }

  @Override
  public SnapshotInfo getLatestSnapshot() {
    return newest;
  }

  /** Makes what was received durable, which Ratis leaves to chance; it is put in sm/ next. */
  void syncIncoming() {
    try (Stream<Path> files = Files.walk(incoming.toPath())) {
      for (Path file : files.toList()) {
        if (Files.isDirectory(file)) {
          LogDirectory.force(file);
          continue;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
          channel.force(true);
        }
      }
    } catch (IOException e) {
      Native.die("an image that was received could not be made durable: " + e);
    }
  }

  @Override
  public void format() {}

  @Override
  public void cleanupOldSnapshots(SnapshotRetentionPolicy policy) {}
}
