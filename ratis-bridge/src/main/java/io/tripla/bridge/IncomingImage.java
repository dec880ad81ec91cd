// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;

/**
 * The image that is arriving, piece by piece, from one sender. A piece that is not the next one is refused
 * before Ratis sees it. Ratis (3.3.0) refuses it too, but counts it as a message of the leader that is being
 * executed for ever, and such a node never stands for election again (checkAndInstallSnapshot in
 * SnapshotInstallationHandler).
 *
 * <p>One thread at a time.
 */
final class IncomingImage {
  private String image = "";
  private int next;
  private long leaderTerm = -1;
  private long call = -1; // of its first piece

  /** @throws IOException when this is not the next piece, nor the first one of a later image */
  void expect(InstallSnapshotRequestProto request) throws IOException {
    int index = request.getSnapshotChunk().getRequestIndex();
    boolean late =
        request.getLeaderTerm() == leaderTerm && request.getServerRequest().getCallId() < call;
    if (late || index != 0 && (index != next || !image.equals(idOf(request)))) {
      throw new IOException("piece " + index + " of an image came late, or one before it is missing");
    }
  }

  /** This piece was taken. */
  void took(InstallSnapshotRequestProto request) {
    int index = request.getSnapshotChunk().getRequestIndex();
    if (index == 0) {
      image = idOf(request);
      leaderTerm = request.getLeaderTerm();
      call = request.getServerRequest().getCallId();
    }
    next = index + 1;
  }

  /** This piece was not taken, so the image is not going on. */
  void failed() {
    image = "";
    next = 0;
  }

  private static String idOf(InstallSnapshotRequestProto request) {
    return request.getSnapshotChunk().getRequestId();
  }
}
