// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.junit.jupiter.api.Test;

/** How many entries are sent at once. */
class PortionTest extends Nodes {
  private static LogEntryProto entry(int index, int serializedBytes) {
    LogEntryProto.Builder entry = LogEntryProto.newBuilder().setTerm(1).setIndex(index);
    int without = withData(entry, serializedBytes).getSerializedSize() - serializedBytes;
    return withData(entry, serializedBytes - without);
  }

  private static LogEntryProto withData(LogEntryProto.Builder entry, int bytes) {
    ByteString data = UnsafeByteOperations.unsafeWrap(new byte[bytes]);
    entry.getStateMachineLogEntryBuilder().setLogData(data);
    return entry.build();
  }

  /** With entries of so many bytes, the first of them at index 8. */
  private static AppendEntriesRequestProto request(int... bytes) {
    AppendEntriesRequestProto.Builder request =
        appendFrom("n1", 1).toBuilder().setLeaderCommit(7);
    for (int i = 0; i < bytes.length; ++i) {
      request.addEntries(entry(8 + i, bytes[i]));
      assertEquals(bytes[i], request.getEntries(i).getSerializedSize());
    }
    return request.build();
  }

  private static int sentOf(int... bytes) {
    return Portion.of(request(bytes)).getEntriesCount();
  }

  @Test
  void whatIsNotLargerIsSentWhole() {
    assertEquals(0, sentOf());
    assertEquals(1, sentOf(100));
    assertEquals(3, sentOf(Portion.BYTES - 200, 100, 100));
  }

  @Test
  void theFirstEntriesOfALargerOneAreSentAndNothingElseIsChanged() {
    AppendEntriesRequestProto all = request(Portion.BYTES - 200, 100, 101, 100);
    AppendEntriesRequestProto sent = Portion.of(all);
    assertEquals(2, sent.getEntriesCount());
    // Not by assertEquals(), which would print megabytes.
    assertTrue(all.getEntriesList().subList(0, 2).equals(sent.getEntriesList()));
    assertEquals(
        all.toBuilder().clearEntries().build(), sent.toBuilder().clearEntries().build());
  }

  @Test
  void anEntryThatIsLargerIsSentAlone() {
    assertEquals(1, sentOf(Portion.BYTES + 1));
    assertEquals(1, sentOf(Portion.BYTES + 1, 100));
    assertEquals(1, sentOf(100, Portion.BYTES));
  }

  /** Nodes take messages of 1 MiB here, so the second entry would not arrive. */
  @Test
  void aNodeSendsNoMore() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc leader = start(CLUSTER, "n1", port1);
    lastIndex.set(8);
    assertEquals(
        AppendResult.SUCCESS,
        leader.appendEntries(request(100, Portion.BYTES)).getResult());
    assertEquals(1, entriesAppended.get());
  }
}
