// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
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
    n1.installSnapshot(piece(TERM_OVER, 0, false));
    assertEquals(0, installsFailed.get());
    assertThrows(IOException.class, () -> n1.installSnapshot(piece(TERM_OVER, 1, true)));
    assertEquals(1, installsFailed.get());
  }

  /** Ratis would put it in force, and forget the log that it replaces; the sender heard nothing (C6). */
  @Test
  void oneThatIsDamagedIsRefusedBeforeRatisHasTheLastPieceAndItsSenderHearsOfIt() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    damaged = true;
    n1.installSnapshot(piece(1, 0, false));
    IOException e =
        assertThrows(IOException.class, () -> n1.installSnapshot(piece(1, 1, true)));
    assertTrue(e.getMessage().contains("the checksum of the block does not fit"), e.getMessage());
    assertEquals(1, piecesReceived.get());
    assertEquals(1, refused.get());
    damaged = false;
    n1.installSnapshot(piece(1, 0, false));
    n1.installSnapshot(piece(1, 1, true));
    assertEquals(3, piecesReceived.get());
  }

  /** Ratis would count each as a message that is being executed for ever (C8). */
  @Test
  void aPieceThatIsNotTheNextIsRefusedBeforeRatisSeesIt() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.installSnapshot(piece("a", 10, 0));
    n1.installSnapshot(piece("a", 11, 1));
    assertEquals(2, piecesReceived.get());
    for (InstallSnapshotRequestProto late :
        List.of(piece("a", 12, 1), piece("a", 12, 3), piece("b", 12, 2), piece("b", 9, 0))) {
      assertThrows(IOException.class, () -> n1.installSnapshot(late));
    }
    assertEquals(2, piecesReceived.get());
    n1.installSnapshot(piece("a", 13, 2));
    n1.installSnapshot(piece("b", 14, 0));
    assertThrows(IOException.class, () -> n1.installSnapshot(piece("a", 15, 3)));
    n1.installSnapshot(piece("b", 16, 1));
    assertEquals(5, piecesReceived.get());
  }

  private static InstallSnapshotRequestProto piece(String image, long call, int number) {
    InstallSnapshotRequestProto.Builder request = piece(1, number, false).toBuilder();
    request.getSnapshotChunkBuilder().setRequestId(image);
    request.getServerRequestBuilder().setCallId(call);
    return request.build();
  }

  static InstallSnapshotRequestProto piece(long term, int number, boolean last) {
    InstallSnapshotRequestProto.Builder request =
        InstallSnapshotRequestProto.newBuilder().setServerRequest(header()).setLeaderTerm(term);
    request.getSnapshotChunkBuilder().setRequestIndex(number).setDone(last);
    return request.build();
  }
}
