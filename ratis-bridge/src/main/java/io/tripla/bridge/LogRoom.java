// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the log's writer does while its disk is full: it waits. Ratis itself gives the log up at the first
 * error, and the server would have to be started again.
 *
 * <p>Any thread. Of the whole process, because Ratis makes its files itself.
 */
public final class LogRoom {
  /** Is left to the files that hold the term and the vote. */
  static final long VOTE_BYTES = 256 << 10;

  /** Zeros written ahead of entries: a small piece, as a large one holds up the write it comes with. */
  static final long AHEAD_BYTES = 1 << 20;

  /** What entries need beside their own size; each start compares it with the server's number. */
  static final long ENTRY_BYTES = AHEAD_BYTES + VOTE_BYTES;

  private static final long LOOK_MS = 100;
  private static final String NO_ROOM = "No space left on device";
  private static final Logger LOG = System.getLogger(LogRoom.class.getName());
  private static final AtomicInteger waiting = new AtomicInteger();
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
    try {
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
          waits = true;
          waiting.incrementAndGet();
          LOG.log(
              Level.WARNING, file.getParent() + " is full: entries wait until they can be written");
        }
        pause(file);
      }
    } finally {
      if (waits) {
        waiting.decrementAndGet();
      }
    }
  }

  /** Whether the log's writer waits for room now. */
  static boolean isAwaited() {
    return waiting.get() > 0;
  }

  private static boolean hasRoom(File file, long bytes) {
    long free = file.getParentFile().getUsableSpace();
    // 0 is also what Java says of an error; then the attempt tells.
    return bytes == 0 || free == 0 || free >= bytes + VOTE_BYTES;
  }

  /**
   * A quota or a limit of the size of files is not meant: nobody sees from outside that they are reached,
   * so the others would wait for this server. It ends instead.
   */
  static boolean isForWantOfRoom(IOException e) {
    String why = String.valueOf(e.getMessage());
    return why.contains(NO_ROOM);
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
