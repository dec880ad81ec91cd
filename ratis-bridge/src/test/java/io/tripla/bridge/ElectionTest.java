// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.proto.RaftProtos.TermIndexProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Who votes, when, and for whom. */
class ElectionTest extends Nodes {
  @Test
  void whoHasJustHeardFromALeaderVotesForNoOther() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.appendEntries(appendFrom("n1", 1));
    RequestVoteRequestProto another = voteFrom("n3", false);
    IOException e = assertThrows(IOException.class, () -> n1.requestVote(another));
    assertTrue(e.getMessage().contains("it has just heard from n1"), e.getMessage());
    assertEquals(0, votesAsked.get());
    assertEquals(7, n1.requestVote(voteFrom("n1", false)).getTerm(), "but for the leader itself");
    assertEquals(7, n1.requestVote(voteFrom("n3", true)).getTerm(), "and asks may be made");
    now.addAndGet(VotePromise.TIME.toNanos() - 1);
    assertThrows(IOException.class, () -> n1.requestVote(another));
    now.incrementAndGet();
    RequestVoteRequestProto later = another.toBuilder().setCandidateTerm(8).build();
    assertEquals(8, n1.requestVote(later).getTerm());
  }

  @Test
  void aLateWordOfADeposedLeaderBreaksNoPromiseToItsSuccessor() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.appendEntries(appendFrom("n1", 2));
    n1.appendEntries(appendFrom("n3", 1));
    IOException e =
        assertThrows(IOException.class, () -> n1.requestVote(voteFrom("n3", false)));
    assertTrue(e.getMessage().contains("it has just heard from n1"), e.getMessage());
  }

  @Test
  void aDeposedLeaderThatDoesNotKnowItIsPromisedNothing() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    currentTerm.set(2);
    n1.appendEntries(appendFrom("n3", 1));
    assertEquals(7, n1.requestVote(voteFrom("n1", false)).getTerm());
  }

  @Test
  void whoHasJustHeardFromALeaderDoesNotStandForElection() throws IOException {
    SocketRpc n2 = start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.appendEntries(appendFrom("n1", 1));
    RequestVoteRequestProto own =
        RequestVoteRequestProto.newBuilder()
            .setServerRequest(header().setReplyId(ByteString.copyFromUtf8("n1")))
            .setCandidateTerm(7)
            .build();
    assertThrows(IOException.class, () -> n2.requestVote(own));
    now.addAndGet(VotePromise.TIME.toNanos());
    assertEquals(7, n2.requestVote(own).getTerm());
  }

  @Test
  void aLeaderThatAsksAnotherToLeadFreesItFromItsPromiseAndHasNoLease() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.appendEntries(appendFrom("n1", 1));
    assertTrue(lease.holds(1));
    n1.startLeaderElection(
        StartLeaderElectionRequestProto.newBuilder()
            .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8("n1")))
            .setLeaderLastEntry(TermIndexProto.newBuilder().setTerm(1))
            .build());
    assertFalse(lease.holds(1));
    n1.appendEntries(appendFrom("n1", 1)); // sent before, and late
    assertEquals(7, n1.requestVote(voteFrom("n3", false)).getTerm());
  }

  @Test
  void aLeaderWhoseSuccessorCannotBeAskedIsToldSoByAnAnswer() throws IOException {
    SocketRpc n1 = start(CLUSTER, "n1", port1); // and n2 does not run
    StartLeaderElectionReplyProto reply =
        n1.startLeaderElection(
            StartLeaderElectionRequestProto.newBuilder()
                .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8("n1")))
                .setLeaderLastEntry(TermIndexProto.newBuilder().setTerm(1))
                .build());
    assertFalse(reply.getServerReply().getSuccess());
  }

  @Test
  void aLateWordOfAnEarlierTermFreesNobodyOfThePromiseToTheSameLeader() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.appendEntries(appendFrom("n1", 2));
    n1.startLeaderElection(
        StartLeaderElectionRequestProto.newBuilder()
            .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8("n1")))
            .setLeaderLastEntry(TermIndexProto.newBuilder().setTerm(1))
            .build());
    assertThrows(IOException.class, () -> n1.requestVote(voteFrom("n3", false)));
  }

  @Test
  void theAnswerThatALeaderLeadsNoMoreExtendsNoLeaseAndMakesItFollow() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    IOException e =
        assertThrows(IOException.class, () -> n1.appendEntries(appendFrom("n1", TERM_OVER)));
    assertTrue(e.getMessage().contains("it knows of term " + (TERM_OVER + 1)), e.getMessage());
    assertEquals(TERM_OVER + 1, laterTerm.get());
    assertFalse(lease.holds(TERM_OVER));
    n1.appendEntries(appendFrom("n1", TERM_OVER + 1));
    assertTrue(lease.holds(TERM_OVER + 1));
  }

  @Test
  void aNodeThatIsBeingRebuiltTakesPartInNoElectionBeforeItsLogHoldsWhatItMayHaveAcknowledged()
      throws IOException {
    start(CLUSTER, "n2", port2, 100);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    lastIndex.set(99);
    for (boolean preVote : List.of(true, false)) {
      IOException e =
          assertThrows(IOException.class, () -> n1.requestVote(voteFrom("n1", preVote)));
      assertTrue(e.getMessage().contains("reached record 100"), e.getMessage());
    }
    assertEquals(0, votesAsked.get());
    lastIndex.set(100);
    assertEquals(7, n1.requestVote(voteFrom("n1", false)).getTerm());
  }

  @Test
  void aNodeThatIsBeingRebuiltDoesNotStandForElection() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1, 100);
    lastIndex.set(99);
    for (boolean preVote : List.of(true, false)) {
      assertThrows(IOException.class, () -> n1.requestVote(voteFrom("n1", preVote)));
    }
    assertEquals(0, votesAsked.get());
    lastIndex.set(100);
    assertEquals(7, n1.requestVote(voteFrom("n1", false)).getTerm());
  }

  @Test
  void aNodeWithAFullDiskWritesDownNoTermAndNoVote() throws IOException {
    disk = new File("/proc"); // a file system without a byte of space
    start(CLUSTER, "n2", port2);
    disk = null;
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    for (boolean preVote : List.of(true, false)) {
      assertDiskFull(() -> n1.requestVote(voteFrom("n1", preVote)));
    }
    assertDiskFull(() -> n1.appendEntries(appendFrom("n1", 1)));
    assertEquals(0, votesAsked.get());
  }

  private static void assertDiskFull(Executable call) {
    IOException e = assertThrows(IOException.class, call);
    assertTrue(e.getMessage().contains("its disk is full"), e.getMessage());
  }

  private static RequestVoteRequestProto voteFrom(String candidate, boolean preVote) {
    return RequestVoteRequestProto.newBuilder()
        .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8(candidate)))
        .setCandidateTerm(7)
        .setPreVote(preVote)
        .build();
  }
}
