// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/**
 * The images that are on their way to followers. What is being sent stays whole, and so does the log
 * behind it until the follower has it: else it would need another image, and never come back while there
 * are writes. Both are kept for so long as the follower gets on.
 *
 * <p>Any thread.
 */
final class OutgoingImages {
  /** Without a piece or an entry that the follower takes for so long, nothing is kept for it. */
  static final Duration PATIENCE = Duration.ofMinutes(1);

  private static final Logger LOG = System.getLogger(OutgoingImages.class.getName());

  /**
   * How far an image has come.
   *
   * @param image the last entry that it holds
   * @param trouble why the last piece was not taken; empty when it was
   */
  record Progress(long image, long bytes, long percent, int attempt, String trouble) {}

  private static final class Sending {
    long image = -1; // the last entry that it holds
    long bytes;
    String trouble = "";
    boolean done;
    int attempt;
    long percent;
    String failure = ""; // as it was said last
    long refused = -1; // the image that the follower has refused last
    long reached = -1; // what the follower has
    long lastProgress;
  }

  private final LongSupplier clock;
  private final Runnable onRefused;
  private final Map<String, Sending> followers = new HashMap<>();

  /**
   * @param clock nanoseconds, as System.nanoTime()
   * @param onRefused is called when a follower refuses an image, once an image
   */
  OutgoingImages(LongSupplier clock, Runnable onRefused) {
    this.clock = clock;
    this.onRefused = onRefused;
  }

  /** The first piece of an image of this many bytes is about to be sent. */
  synchronized void begin(String follower, long image, long bytes) {
    Sending sending = followers.computeIfAbsent(follower, node -> new Sending());
    sending.attempt = sending.image == -1 || sending.done ? 1 : sending.attempt + 1;
    sending.image = image;
    sending.bytes = bytes;
    sending.done = false;
    sending.percent = 0;
    sending.lastProgress = clock.getAsLong();
    LOG.log(
        isSaid(sending) ? Level.INFO : Level.DEBUG,
        follower + " is too far behind for the log: it is sent the image of record " + image + ", "
            + bytes + " bytes, attempt " + sending.attempt);
  }

  /** The follower has taken a piece that ends at this part of the image. */
  synchronized void sent(String follower, long percent, boolean last) {
    Sending sending = followers.get(follower);
    if (sending == null) {
      return;
    }
    sending.percent = percent;
    sending.trouble = "";
    sending.lastProgress = clock.getAsLong();
    if (last) {
      sending.done = true;
      sending.reached = sending.image;
      LOG.log(Level.INFO, follower + " has taken the image of record " + sending.image);
    }
  }

  /** Attempts 1, 2, 4, 8 and so on are told, the others only at debug. */
  private static boolean isSaid(Sending sending) {
    return Integer.bitCount(sending.attempt) == 1;
  }

  /**
   * The follower did not take a piece. Ratis begins again.
   *
   * @param refused whether the follower has answered that
   */
  synchronized void failed(String follower, String why, boolean refused) {
    Sending sending = followers.get(follower);
    if (sending == null) {
      return;
    }
    boolean said = isSaid(sending) || !why.equals(sending.failure);
    sending.failure = why;
    sending.trouble = why;
    LOG.log(
        said ? Level.WARNING : Level.DEBUG,
        follower + (refused ? " has refused" : " did not take") + " the image of record "
            + sending.image + ", of which " + sending.percent + " % were sent: " + why);
    if (refused && sending.refused != sending.image) {
      sending.refused = sending.image;
      onRefused.run();
    }
  }

  /** This node leads no more. */
  synchronized void clear() {
    followers.clear();
  }

  /** Of the image that is on its way to this follower; null when none is. */
  synchronized Progress progress(String follower) {
    Sending sending = followers.get(follower);
    return sending == null || sending.done
        ? null
        : new Progress(
            sending.image, sending.bytes, sending.percent, sending.attempt, sending.trouble);
  }

  /** Whether this image must stay whole. */
  synchronized boolean isBeingSent(long image) {
    return followers.values().stream().anyMatch(each -> each.image == image && !each.done);
  }

  /**
   * Up to which index the log may be forgotten, at most {@code through}.
   *
   * @param acknowledged what a follower has acknowledged of the log
   */
  synchronized long releasable(long through, ToLongFunction<String> acknowledged) {
    long now = clock.getAsLong();
    long least = through;
    for (Iterator<Map.Entry<String, Sending>> each = followers.entrySet().iterator();
        each.hasNext(); ) {
      Map.Entry<String, Sending> follower = each.next();
      Sending sending = follower.getValue();
      long has = sending.done ? acknowledged.applyAsLong(follower.getKey()) : -1;
      if (has > sending.reached) {
        sending.reached = has;
        sending.lastProgress = now;
      }
      if (sending.done && sending.reached >= through) {
        each.remove(); // it follows
      } else if (now - sending.lastProgress > PATIENCE.toNanos()) {
        each.remove();
        LOG.log(
            Level.WARNING,
            follower.getKey() + " has taken nothing for " + PATIENCE.toSeconds()
                + " s: the log is not kept for it any more, and it needs another image");
      } else {
        least = Math.min(least, Math.max(sending.image, sending.reached));
      }
    }
    return least;
  }
}
