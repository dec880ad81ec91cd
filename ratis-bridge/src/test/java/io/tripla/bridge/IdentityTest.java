// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.Test;

/** Nodes take part in nothing with a directory that is outdated (docs/decisions/0022-identity.md). */
class IdentityTest extends Nodes {
  private final FakeIdentities ofOne = new FakeIdentities(1);
  private final FakeIdentities ofTwo = new FakeIdentities(2);

  private final AtomicReference<Levels> levels = new AtomicReference<>(Levels.FIRST);
  private final AtomicReference<String> tooOld = new AtomicReference<>();

  private static NodeState state(Starts starts, long term, long last, long votesFrom) {
    return new NodeState(starts, term, last, votesFrom, Levels.FIRST);
  }

  /** Those of a real replica, whose division leads nobody and whose memory is the test. */
  private OwnIdentities ownIdentities() {
    return new OwnIdentities(
        new Starts(1, List.of(1L)),
        0,
        () -> null,
        () -> null,
        new OwnIdentities.Memory() {
          @Override
          public String whyOutdated(String node, Starts said) {
            return null;
          }

          @Override
          public void markSaid() {}

          @Override
          public void endAsOutdated(String why) {}

          @Override
          public Levels levels() {
            return levels.get();
          }

          @Override
          public void endAsTooOld(String why) {
            tooOld.set(why);
          }
        });
  }

  private SocketRpc startOne() throws IOException {
    return start(CLUSTER, "n1", port1, 0, ofOne);
  }

  private SocketRpc startTwo(FakeIdentities identities) throws IOException {
    return start(CLUSTER, "n2", port2, 0, identities);
  }

  @Test
  void anOutdatedNodeGetsNoVoteAndIsToldWhy() throws IOException {
    startTwo(ofTwo);
    SocketRpc n1 = startOne();
    ofTwo.outdated.add(1L);
    IOException e = assertThrows(IOException.class, () -> askForVote(n1, 1));
    String why = "n2 refuses this node: n1's directory is an older copy";
    assertTrue(e.getMessage().contains(why), e.getMessage());
    assertEquals(why, ofOne.ended.get());
    assertEquals(0, votesAsked.get());
  }

  @Test
  void anOutdatedNodeIsAskedForNoVote() throws IOException {
    startTwo(ofTwo);
    SocketRpc n1 = startOne();
    ofOne.outdated.add(2L);
    IOException e = assertThrows(IOException.class, () -> askForVote(n1, 1));
    assertTrue(e.getMessage().contains("n2's directory is an older copy"), e.getMessage());
    assertNull(ofTwo.ended.get());
    assertEquals(0, votesAsked.get());
  }

  /** It would go on with the connections that it has, and never learn why nobody follows it. */
  @Test
  void anOutdatedNodeThatIsAskedIsToldWhenItConnectsAgain() throws IOException {
    SocketRpc n2 = startTwo(ofTwo);
    SocketRpc n1 = startOne();
    RequestVoteRequestProto toOne =
        voteRequest(1).toBuilder()
            .setServerRequest(header().setReplyId(ByteString.copyFromUtf8("n1")))
            .build();
    assertEquals(1, n2.requestVote(toOne).getTerm());
    ofOne.outdated.add(2L);
    assertThrows(IOException.class, () -> askForVote(n1, 2));
    assertThrows(IOException.class, () -> n2.requestVote(toOne));
    assertEquals("n1 refuses this node: n2's directory is an older copy", ofTwo.ended.get());
  }

  @Test
  void whoIsRefusedForAnotherReasonDoesNotEnd() throws IOException {
    start(CLUSTER, "n3", port2, 0, ofTwo);
    SocketRpc n1 = startOne();
    assertThrows(IOException.class, () -> askForVote(n1, 1));
    assertNull(ofOne.ended.get());
  }

  /** Its connections would go on, and what it acknowledges would count. */
  @Test
  void aLaterStartEndsTheConnectionsOfTheOneBefore() throws IOException {
    startTwo(ofTwo);
    SocketRpc before = startOne();
    assertEquals(1, askForVote(before, 1));
    ofTwo.outdated.add(1L);
    assertEquals(2, askForVote(before, 2)); // on the connection that it has
    SocketRpc later = start(CLUSTER, "n1", port3, 0, new FakeIdentities(3));
    assertEquals(3, askForVote(later, 3));
    assertThrows(IOException.class, () -> askForVote(before, 4));
    // Not how often: a call whose connection ends before the answer is made again.
    assertEquals(Set.of(1L, 2L, 3L), termsAsked);
  }

  @Test
  void disconnectEndsTheConnectionsInBothDirections() throws IOException {
    SocketRpc n2 = startTwo(ofTwo);
    SocketRpc n1 = startOne();
    assertEquals(1, askForVote(n1, 1));
    ofOne.outdated.add(2L);
    n1.disconnect("n2");
    assertThrows(IOException.class, () -> askForVote(n1, 2));
    ofOne.outdated.clear();
    ofTwo.outdated.add(1L);
    n2.disconnect("n1");
    assertThrows(IOException.class, () -> askForVote(n1, 3));
  }

  @Test
  void aFollowerThatLacksWhatItHasAcknowledgedIsOutdated() throws IOException {
    Acknowledged upTo70 = new Acknowledged(5, 70);
    Starts starts = new Starts(3, List.of(7L));
    assertNull(upTo70.whyIncomplete("n2", state(starts, 5, 70, 0)));
    assertNull(upTo70.whyIncomplete("n2", state(starts, 5, 0, 70)), "it was rebuilt");
    assertNull(upTo70.whyIncomplete("n2", state(starts, 6, 3, 0)), "a later leader cut it off");
    String why = upTo70.whyIncomplete("n2", state(starts, 5, 69, 0));
    assertTrue(why.contains("acknowledged records up to 70, its log ends at 69"), why);
    assertThrows(
        IOException.class, () -> upTo70.whyIncomplete("n2", state(starts, -1, -1, 0)));
  }

  @Test
  void whoWasFoundIncompleteIsToldWhenItConnectsItself() throws IOException {
    OwnIdentities own = ownIdentities();
    NodeState behind = state(new Starts(3, List.of(7L)), 5, 69, 0);
    own.check("n2", behind);
    assertThrows(
        Greeting.Refused.class, () -> own.check("n2", behind, new Acknowledged(5, 70)));
    Greeting.Refused told =
        assertThrows(Greeting.Refused.class, () -> own.check("n2", behind));
    assertTrue(told.outdated);
    own.check("n2", state(new Starts(4, List.of(8L)), 5, 69, 0)); // it was rebuilt
    own.check("n3", behind);
    assertThrows(IOException.class, own::checkIntroduced);
    own.introduced();
    own.checkIntroduced();
  }

  /** R28. Whoever is too old learns it from what another says, whoever has connected. */
  @Test
  void aNodeThatDoesNotKnowTheLevelIsRefusedAndEndsItself() throws IOException {
    OwnIdentities own = ownIdentities();
    NodeState first = state(new Starts(3, List.of(7L)), 5, 69, 0);
    NodeState second =
        new NodeState(new Starts(3, List.of(7L)), 5, 69, 0, new Levels(2, 1, 2));
    own.check("n2", first);
    assertEquals(Levels.FIRST, own.self().levels());
    levels.set(new Levels(1, 1, 2));
    own.check("n2", first);
    own.check("n2", second); // this node is only behind
    levels.set(new Levels(2, 1, 2));
    own.check("n2", second);
    Greeting.Refused refused =
        assertThrows(Greeting.Refused.class, () -> own.check("n2", first));
    assertTrue(refused.getMessage().contains("n2 cannot take part: level 2 is reached"));
    assertTrue(refused.getMessage().contains("knows level 1: use the newer one"));
    assertTrue(!refused.outdated, "it may come back with the newer version");
    assertNull(tooOld.get());
    levels.set(Levels.FIRST);
    own.check("n2", second);
    assertTrue(tooOld.get().contains("with n2: level 2 is reached"), tooOld.get());
    assertTrue(tooOld.get().contains("knows level 1: use the newer one"), tooOld.get());
  }

  @Test
  void levelsAreReadAsTheyAreWritten() {
    Levels levels = new Levels(2, 1, 3);
    assertEquals(levels, Levels.parse(levels.toText()));
    assertEquals(levels, Levels.parse("2 1 3 and what a later version says"));
    for (String text : List.of("", "1", "1 1", "1 1 x")) {
      assertThrows(IllegalArgumentException.class, () -> Levels.parse(text), text);
    }
  }

  @Test
  void startsAreReadAsTheyAreWritten() {
    Starts starts = new Starts(-1L, List.of(-1L, 0L, 0x123456789abcdefL));
    assertEquals(starts, Starts.parse(starts.toText()));
    for (String text : List.of("", "1", "1 ", "x 1", "1 x", "1 " + "1 ".repeat(17).trim())) {
      assertThrows(IllegalArgumentException.class, () -> Starts.parse(text), text);
    }
  }
}
