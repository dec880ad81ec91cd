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
import java.util.concurrent.CompletableFuture;
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
  private final Images images = new Images();

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

  @Test
  void aFurtherImageWaitsUntilTheOneBeforeIsTakenOver() throws Exception {
    images.expectTakeOver();
    CompletableFuture<Void> further = awaitTakenOver();
    images.set(write("image-10"), FIRST);
    assertNull(images.getLatestSnapshot(), "the place of what was received is taken");
    assertFalse(further.isDone());
    images.takenOver(write("image-20"), SECOND);
    further.join();
    assertEquals(SECOND, images.getLatestSnapshot().getTermIndex());
  }

  @Test
  void whatCouldNotBePutInForceKeepsNoFurtherImageOut() throws Exception {
    Files.createDirectories(root.resolve("tmp").resolve("snapshot-1"));
    images.expectTakeOver();
    CompletableFuture<Void> further = awaitTakenOver();
    assertTrue(images.giveUpTakeOver());
    further.join();
    images.set(write("image-10"), FIRST);
    assertEquals(FIRST, images.getLatestSnapshot().getTermIndex());
  }

  @Test
  void whatIsInPlaceIsTakenOverWhateverFailedBehindIt() throws IOException {
    images.expectTakeOver();
    assertFalse(images.giveUpTakeOver());
    assertThrows(IOException.class, images::awaitTakenOver);
  }

  private CompletableFuture<Void> awaitTakenOver() {
    return CompletableFuture.runAsync(
        () -> {
          try {
            images.awaitTakenOver();
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
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
