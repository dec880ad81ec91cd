// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What the C++ side does for the bridge (src/log/ratis/replica.cc). {@code log} is the
 * ReplicaCallbacks of the replica concerned. None of these throws; what cannot go on ends the process.
 */
final class Native {
  private Native() {}

  /**
   * Applies a batch that this process submitted and still waits for. False, with nothing done, when
   * it does not wait any more: then {@link #apply} must be given the bytes.
   */
  static native boolean applySubmitted(long log, long batch, long term, long index);

  /** Applies a batch from its bytes: the first {@code size} of a direct buffer. */
  static native void apply(long log, long term, long index, ByteBuffer bytes, int size);

  /** An entry of Ratis's own stands at this place. */
  static native void skip(long log, long term, long index);

  /**
   * A batch was not applied and, as far as this process is concerned, never will be.
   *
   * @param appended whether it may have got into the log, and so may be applied yet
   */
  static native void failed(long log, long batch, boolean appended, String why);

  /** Of {@link Replica#confirmReadIndex}: the index, or -1 when this node does not lead. */
  static native void confirmed(long log, long index);

  /** Whether entries of so many bytes, which a leader has sent, may be added to the log. */
  static native boolean hasRoom(long log, long bytes);

  /** No image is being written when it returns, nor will one be until one of the next two. */
  static native void holdImages(long log);

  /** No image will be installed after all. */
  static native void releaseImages(long log);

  /** Installs the image that is in sm/, writes its term and index, and returns its new path. */
  static native String install(long log, long[] termAndIndex);

  /**
   * Verifies a piece of an image of this many bytes that another node sends; at offset 0 an image
   * begins. One thread at a time.
   *
   * @return why the image is refused, or null
   */
  static native String checkPiece(
      long log, long image, long imageBytes, long offset, byte[] content);

  /** Another node has refused the image of this one: it is verified, and replaced if it is damaged. */
  static native void imageRefused(long log);

  /**
   * A member says that these are the starts of its directory; what is new is remembered durably.
   *
   * @return why the directory is outdated, or null
   * @throws IOException when it could not be remembered
   */
  static native String whyOutdated(long log, String node, long starts, long[] nonces)
      throws IOException;

  /**
   * Before another node hears of this node's last start for the first time.
   *
   * @throws IOException when that could not be remembered
   */
  static native void markSaid(long log) throws IOException;

  /** A member says that this node's directory is outdated: ends the process for good. */
  static native void endAsOutdated(long log, String why);

  /** The level that this node's state has reached, the lowest and the highest that it knows. */
  static native long[] levels(long log);

  /** Ends the process: durability is lost, or the replica cannot go on. */
  static native void die(String why);

  /** @param severity 0 debug, 1 info, 2 warning, 3 error */
  static native void say(int severity, String message);
}
