// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.Test;

/** No node gives two votes in one term, whatever Ratis's threads do. */
class BallotTest extends Nodes {
  private String failing = ""; // whose votes cannot be written
  private final Ballot ballot =
      new Ballot(
          "n1",
          (term, candidate) -> {
            if (candidate.equals(failing)) {
              throw new IOException("its term has passed");
            }
          });

  private static RequestVoteReplyProto reply(boolean granted) {
    RequestVoteReplyProto.Builder reply = RequestVoteReplyProto.newBuilder();
    reply.getServerReplyBuilder().setSuccess(granted);
    return reply.build();
  }

  private void cast(long term, String candidate) throws IOException {
    assertTrue(ballot.cast(term, candidate, () -> reply(true)).getServerReply().getSuccess());
  }

  private void assertTaken(long term, String candidate) {
    assertThrows(
        IOException.class,
        () -> {
          if (candidate.equals("n1")) {
            ballot.stand(term);
          } else {
            ballot.cast(term, candidate, () -> reply(true));
          }
        });
  }

  @Test
  void aTermHasOneVote() throws IOException {
    cast(5, "n2");
    cast(5, "n2");
    assertTaken(5, "n3");
    assertTaken(5, "n1");
    assertTaken(4, "n2");
    ballot.stand(6);
    ballot.stand(6);
    assertTaken(6, "n2");
  }

  @Test
  void whatRatisRefusesTakesNoVote() throws IOException {
    ballot.cast(5, "n2", () -> reply(false));
    cast(5, "n3");
    ballot.cast(5, "n3", () -> reply(false)); // asked again, and its log is too short meanwhile
    assertTaken(5, "n2");
  }

  @Test
  void aCandidacyThatIsNotWrittenTakesNoVote() throws IOException {
    failing = "n1";
    assertThrows(IOException.class, () -> ballot.stand(5));
    cast(5, "n2");
  }

  /** Nobody hears of it, but it may be in the file. */
  @Test
  void aVoteThatIsNotWrittenIsNotTold() throws IOException {
    failing = "n2";
    assertThrows(IOException.class, () -> ballot.cast(5, "n2", () -> reply(true)));
    assertTaken(5, "n3");
    failing = "";
    cast(5, "n2");
  }

  @Test
  void whileRatisDecidesTheVoteIsTaken() throws IOException {
    AtomicReference<Throwable> second = new AtomicReference<>();
    ballot.cast(
        5,
        "n2",
        () -> {
          second.set(assertThrows(IOException.class, () -> ballot.stand(5)));
          return reply(true);
        });
    assertEquals("its vote of term 5 is n2's", second.get().getMessage());
  }

  /** The server behind each node grants every vote, as Ratis may when two of its threads vote at once. */
  @Test
  void aNodeThatHasVotedDoesNotStandInTheSameTermAndTheReverse() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    RequestVoteRequestProto toOne =
        RequestVoteRequestProto.newBuilder()
            .setServerRequest(
                header()
                    .setRequestorId(ByteString.copyFromUtf8("n2"))
                    .setReplyId(ByteString.copyFromUtf8("n1")))
            .setCandidateTerm(5)
            .build();
    SocketRpc n2 = nodes.get(0);
    assertEquals(5, n2.requestVote(toOne).getTerm());
    assertThrows(IOException.class, () -> askForVote(n1, 5));
    assertEquals(6, askForVote(n1, 6));
    assertTrue(written.contains("n1 in term 6"), written.toString());
    RequestVoteRequestProto later = toOne.toBuilder().setCandidateTerm(6).build();
    assertThrows(IOException.class, () -> n2.requestVote(later));
  }
}
