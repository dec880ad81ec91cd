// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;

/**
 * What the log's writer does while its disk is full: it waits. Ratis itself gives the log up at the first
 * error, and the server would have to be started again.
 *
 * <p>Any thread. Of the whole process, because Ratis makes its files itself.
 */
public final class LogRoom {
  /** Is left to the files that hold the term and the vote. */
  static final long VOTE_BYTES = 256 << 10;

  private static final long LOOK_MS = 100;
  private static final List<String> NO_ROOM =
      List.of("No space left on device", "Disk quota exceeded", "File too large");
  private static final Logger LOG = System.getLogger(LogRoom.class.getName());
  private static volatile boolean ended;

  /** What can be done again after it has failed for want of room. */
  public interface Attempt<T> {
    T run() throws IOException;
  }

  /** No room comes any more: the server stops. */
  static final class Ended extends IOException {
    Ended(File file) {
      super(file + ": the server stops, and its disk is full");
    }
  }

  private LogRoom() {}

  /**
   * Tries to write this many bytes more into a file until there is room.
   *
   * @throws IOException for any other reason, or {@link Ended} after {@link #end}
   */
  public static <T> T await(File file, long bytes, Attempt<T> attempt) throws IOException {
    boolean waits = false;
    while (true) {
      try {
        if (hasRoom(file, bytes)) {
          T result = attempt.run();
          if (waits) {
            LOG.log(Level.INFO, file.getParent() + " has room again: the log is written again");
          }
          return result;
        }
      } catch (IOException e) {
        if (!isForWantOfRoom(e)) {
          throw e;
        }
      }
      if (!waits) {
        LOG.log(Level.WARNING, file.getParent() + " is full: entries wait until they can be written");
      }
      waits = true;
      pause(file);
    }
  }

  private static boolean hasRoom(File file, long bytes) {
    return bytes == 0 || file.getParentFile().getUsableSpace() >= bytes + VOTE_BYTES;
  }

  static boolean isForWantOfRoom(IOException e) {
    String why = String.valueOf(e.getMessage());
    return NO_ROOM.stream().anyMatch(why::contains);
  }

  private static void pause(File file) throws IOException {
    if (ended) {
      throw new Ended(file);
    }
    try {
      Thread.sleep(LOOK_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(file + ": interrupted while its disk was full");
    }
  }

  /** Ends all waits: what they wait to write is never written, and nobody is told that it was. */
  static void end() {
    ended = true;
  }

  /** Whether an error comes of {@link #end}. */
  static boolean isEnd(Throwable error) {
    return error != null && (error instanceof Ended || isEnd(error.getCause()));
  }
}
