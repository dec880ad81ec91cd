// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.server.storage.RaftStorageDirectory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images on their way from one replica to another. */
@Timeout(60)
class ImagesTest {
  private static final TermIndex FIRST = TermIndex.valueOf(1, 10);
  private static final TermIndex SECOND = TermIndex.valueOf(1, 20);

  @TempDir Path root;
  private final AtomicReference<IOException> error = new AtomicReference<>();
  private final AtomicLong beingSent = new AtomicLong();
  private final Images images =
      new Images(Duration.ofSeconds(30), index -> index == beingSent.get());

  @BeforeEach
  void init() throws IOException {
    Files.createDirectories(root.resolve("tmp"));
    images.init(storage());
  }

  @Test
  void anImageInForceIsSentUnderANameOfItsOwn() throws IOException {
    Path image = write("image-10");
    images.set(image, FIRST);
    Path link = root.resolve("sm").resolve("image-10");
    assertTrue(Files.isSameFile(image, link));
    assertEquals(FIRST, images.getLatestSnapshot().getTermIndex());
    images.set(write("image-20"), SECOND);
    assertFalse(Files.exists(link));
    assertEquals(SECOND, images.getLatestSnapshot().getTermIndex());
  }

  /** The one before was damaged; nothing has changed since (C6). */
  @Test
  void aNewImageOfTheSameEntriesTakesThePlaceOfTheOneBefore() throws IOException {
    Path image = write("image-10");
    images.set(image, FIRST);
    Path link = root.resolve("sm").resolve("image-10");
    Files.move(
        Files.writeString(root.resolve("partial"), "the new one"),
        image,
        StandardCopyOption.REPLACE_EXISTING);
    assertFalse(Files.isSameFile(image, link));
    images.set(image, FIRST);
    assertTrue(Files.isSameFile(image, link));
    assertEquals(11, images.getLatestSnapshot().getFiles().get(0).getFileSize());
  }

  /** The server shortens what has no second name. */
  @Test
  void whatIsBeingSentKeepsItsSecondName() throws IOException {
    String first = "00000000000000000010.image";
    images.set(write(first), FIRST);
    beingSent.set(10);
    images.set(write("00000000000000000020.image"), SECOND);
    Path link = root.resolve("sm").resolve(first);
    assertTrue(Files.exists(link));
    beingSent.set(0);
    images.set(write("00000000000000000030.image"), TermIndex.valueOf(1, 30));
    assertFalse(Files.exists(link));
  }

  @Test
  void aFurtherImageWaitsUntilTheOneBeforeIsInstalled() throws Exception {
    images.beginInstall();
    Thread further = startAwaitingInstalled();
    images.set(write("image-10"), FIRST);
    assertNull(images.getLatestSnapshot(), "the place of what was received is taken");
    images.endInstall(write("image-20"), SECOND);
    further.join();
    assertNull(error.get());
    assertEquals(SECOND, images.getLatestSnapshot().getTermIndex());
  }

  @Test
  void whatCouldNotBePutInForceKeepsNoFurtherImageOut() throws Exception {
    images.set(write("image-10"), FIRST);
    Files.createDirectories(root.resolve("tmp").resolve("snapshot-1"));
    images.beginInstall();
    Thread further = startAwaitingInstalled();
    // As Ratis leaves it when it cannot put anything in the place of sm/.
    Files.move(root.resolve("sm"), root.resolve("sm.tmp1"));
    assertTrue(images.hasInstallFailed());
    images.abandonInstall();
    further.join();
    assertNull(error.get());
    assertTrue(Files.exists(root.resolve("sm").resolve("image-10")));
    assertFalse(Files.exists(root.resolve("sm.tmp1")));
    assertEquals(FIRST, images.getLatestSnapshot().getTermIndex());
  }

  @Test
  void whatIsInPlaceIsInstalledWhateverFailedBehindIt() throws IOException {
    Images hasty = new Images(Duration.ZERO, index -> false);
    hasty.init(storage());
    hasty.beginInstall();
    assertFalse(hasty.hasInstallFailed());
    assertThrows(IOException.class, hasty::awaitInstalled);
  }

  /** Returns once it waits. */
  private Thread startAwaitingInstalled() {
    Thread thread =
        new Thread(
            () -> {
              try {
                images.awaitInstalled();
              } catch (IOException e) {
                error.set(e);
              }
            });
    thread.start();
    while (thread.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    return thread;
  }

  private Path write(String name) throws IOException {
    return Files.writeString(root.resolve(name), name);
  }

  /** Whose directories are Ratis's names for them in {@link #root}. */
  private RaftStorage storage() {
    Object directory =
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {RaftStorageDirectory.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "getRoot" -> root.toFile();
                  case "getStateMachineDir" -> new File(root.toFile(), "sm");
                  case "getTmpDir" -> new File(root.toFile(), "tmp");
                  default -> throw new UnsupportedOperationException(method.getName());
                });
    return (RaftStorage)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {RaftStorage.class},
            (proxy, method, arguments) -> directory);
  }
}
