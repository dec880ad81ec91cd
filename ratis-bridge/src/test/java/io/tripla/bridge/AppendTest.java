// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.junit.jupiter.api.Test;

/** What a follower answers to entries. */
class AppendTest extends Nodes {
  private SocketRpc leader;

  private void startBoth() throws IOException {
    start(CLUSTER, "n2", port2);
    leader = start(CLUSTER, "n1", port1);
    lastIndex.set(8);
  }

  private AppendResult send(long index) throws IOException {
    return leader.appendEntries(entryFrom("n1", 1, index)).getResult();
  }

  private void expectNotYet(long index) {
    IOException e = assertThrows(IOException.class, () -> send(index));
    assertTrue(e.getMessage().contains(AppendTurn.NOT_YET), e.getMessage());
  }

  @Test
  void whatIsSentAgainWhileTheDiskHasNotTakenItIsNotAcknowledged() throws IOException {
    startBoth();
    onDisk = new CompletableFuture<>();
    IOException gaveUp = assertThrows(IOException.class, () -> send(8));
    assertTrue(gaveUp.getMessage().contains("did not answer"), gaveUp.getMessage());
    CompletableFuture<Void> disk = onDisk;
    onDisk = CompletableFuture.completedFuture(null); // as Ratis answers what it has in memory
    expectNotYet(8);
    assertEquals(
        AppendResult.SUCCESS,
        leader.appendEntries(appendFrom("n1", 1)).getResult(),
        "a heartbeat acknowledges nothing");
    disk.complete(null);
    assertEquals(AppendResult.SUCCESS, send(8));
  }

  @Test
  void whatRatisHasInMemoryFromElsewhereIsNotAcknowledgedEither() throws IOException {
    startBoth();
    assertEquals(AppendResult.SUCCESS, send(8));
    expectNotYet(9);
    lastIndex.set(9);
    assertEquals(AppendResult.SUCCESS, send(9));
  }

  @Test
  void entriesForWhichThereIsNoRoomAreAnsweredAsAHeartbeat() throws IOException {
    startBoth();
    entryRoom = false;
    AppendEntriesReplyProto reply = leader.appendEntries(entryFrom("n1", 1, 9));
    assertEquals(AppendResult.SUCCESS, reply.getResult());
    assertEquals(9, reply.getNextIndex(), "where the leader goes on");
    assertEquals(0, entriesAppended.get());
    assertTrue(lease.holds(1), "the follower follows");
  }

  @Test
  void aFollowerWithoutRoomIsSentEntriesOnceASecond() throws IOException {
    startBoth();
    entryRoom = false;
    send(9);
    entryRoom = true;
    lastIndex.set(9);
    assertEquals(9, leader.appendEntries(entryFrom("n1", 1, 9)).getNextIndex());
    assertEquals(0, entriesAppended.get());
    now.addAndGet(1_000_000_000L);
    assertEquals(AppendResult.SUCCESS, send(9));
    assertEquals(1, entriesAppended.get());
  }

  @Test
  void noImageIsPutInForceWhileEntriesWaitForTheDisk() throws IOException {
    startBoth();
    onDisk = new CompletableFuture<>();
    assertThrows(IOException.class, () -> send(8));
    leader.installSnapshot(InstallTest.piece(1, 0, false));
    assertThrows(IOException.class, () -> leader.installSnapshot(InstallTest.piece(1, 1, true)));
    assertEquals(1, piecesReceived.get());
    onDisk.complete(null);
    leader.installSnapshot(InstallTest.piece(1, 0, false));
    leader.installSnapshot(InstallTest.piece(1, 1, true));
    assertEquals(3, piecesReceived.get());
  }
}
