// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.junit.jupiter.api.Test;

/** What a node does when another sends it an image. */
class InstallTest extends Nodes {
  @Test
  void anImageBeginsWithItsFirstPieceOnly() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.installSnapshot(piece(1, 0, false));
    n1.installSnapshot(piece(1, 1, true));
    assertEquals(1, installsBegun.get());
    assertEquals(2, piecesReceived.get());
    assertEquals(0, installsFailed.get());
  }

  @Test
  void anImageThatComesWhileAnotherIsInstalledIsNotBegun() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    installing = true;
    IOException e =
        assertThrows(IOException.class, () -> n1.installSnapshot(piece(1, 0, false)));
    assertTrue(e.getMessage().contains("it still installs the image"), e.getMessage());
    assertEquals(0, piecesReceived.get());
    installing = false;
    n1.installSnapshot(piece(1, 0, false));
    assertEquals(1, piecesReceived.get());
  }

  @Test
  void oneThatCannotBePutInForceIsSaidOnceAllOfItHasCome() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    assertThrows(IOException.class, () -> n1.installSnapshot(piece(TERM_OVER, 0, false)));
    assertEquals(0, installsFailed.get());
    assertThrows(IOException.class, () -> n1.installSnapshot(piece(TERM_OVER, 1, true)));
    assertEquals(1, installsFailed.get());
  }

  static InstallSnapshotRequestProto piece(long term, int number, boolean last) {
    InstallSnapshotRequestProto.Builder request =
        InstallSnapshotRequestProto.newBuilder().setServerRequest(header()).setLeaderTerm(term);
    request.getSnapshotChunkBuilder().setRequestIndex(number).setDone(last);
    return request.build();
  }
}
