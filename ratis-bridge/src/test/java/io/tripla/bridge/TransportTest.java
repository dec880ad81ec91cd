// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.Test;

/** What nodes say to each other, and what others may say to them. */
class TransportTest extends Nodes {
  @Test
  void aCallIsAnsweredByThePeerItIsFor() throws IOException {
    start(CLUSTER, "n2", port2);
    assertEquals(7, askForVote(start(CLUSTER, "n1", port1), 7));
  }

  @Test
  void aLargeMessageArrivesWhole() throws IOException {
    start(CLUSTER, "n2", port2);
    byte[] bytes = new byte[FRAME_BYTES_MAX - 100];
    new Random(1).nextBytes(bytes);
    ByteString entries = ByteString.copyFrom(bytes);
    AppendEntriesRequestProto request =
        AppendEntriesRequestProto.newBuilder()
            .setServerRequest(header().setRequestorId(entries))
            .build();
    AppendEntriesReplyProto reply = start(CLUSTER, "n1", port1).appendEntries(request);
    assertEquals(entries, reply.getServerReply().getRequestorId());
  }

  @Test
  void aMessageTooLargeIsNotSentAndHarmsNothing() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    RequestVoteRequestProto large =
        RequestVoteRequestProto.newBuilder()
            .setServerRequest(
                header().setRequestorId(ByteString.copyFrom(new byte[FRAME_BYTES_MAX + 1])))
            .build();
    assertThrows(IOException.class, () -> n1.requestVote(large));
    assertEquals(0, votesAsked.get());
    assertEquals(1, askForVote(n1, 1));
  }

  @Test
  void anErrorOfThePeerArrivesAsAnError() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    IOException e = assertThrows(IOException.class, () -> askForVote(n1, -1));
    assertTrue(e.getMessage().contains("no such term"), e.getMessage());
    assertEquals(1, askForVote(n1, 1));
  }

  @Test
  void anotherClusterIsRefusedAndToldSo() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc stranger = start(UUID.nameUUIDFromBytes(new byte[] {2}), "n1", port1);
    assertRefused(stranger, "it is of another cluster");
  }

  @Test
  void aNodeThatIsNoMemberIsRefused() throws IOException {
    start(CLUSTER, "n2", port2);
    assertRefused(start(CLUSTER, "n9", port1), "it says it is n9, which is no other member");
  }

  @Test
  void aNodeThatLooksForAnotherIsRefused() throws IOException {
    start(CLUSTER, "n3", port2);
    assertRefused(start(CLUSTER, "n1", port1), "it looks for n2, but this is n3");
  }

  @Test
  void anotherVersionOfTheProtocolIsRefusedInWordsItUnderstands() throws IOException {
    start(CLUSTER, "n2", port2);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
      byte[] greeting = greeting();
      greeting[11] = 9;
      socket.getOutputStream().write(greeting);
      byte[] answer = socket.getInputStream().readAllBytes();
      assertEquals(1, answer[0]);
      String why = new String(answer, 2, answer.length - 2, StandardCharsets.UTF_8);
      assertEquals("it speaks version 9 of the protocol, this node 3", why);
    }
  }

  /** R28: what is new between servers comes with a level; a node may be asked for it too early. */
  @Test
  void aCallOfAnUnknownKindIsAnsweredAndTheConnectionGoesOn() throws IOException {
    start(CLUSTER, "n2", port2);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      DataInputStream in = new DataInputStream(socket.getInputStream());
      out.write(greeting());
      assertEquals(0, in.read(), "welcome");
      in.readUTF();
      out.write(new byte[] {77, 0, 0, 0, 3, 'a', 'b', 'c'});
      assertEquals(Wire.FAILURE, in.read());
      String why = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
      assertTrue(why.contains("this node knows no calls of kind 77"), why);
      byte[] request = voteRequest(6).toByteArray();
      out.writeByte(Call.REQUEST_VOTE.number);
      out.writeInt(request.length);
      out.write(request);
      assertEquals(Wire.REPLY, in.read());
      assertEquals(1, votesAsked.get());
    }
  }

  @Test
  void aConnectionForAnUnknownPurposeIsRefusedInWords() throws IOException {
    start(CLUSTER, "n2", port2);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
      byte[] greeting =
          new String(greeting(), StandardCharsets.ISO_8859_1)
              .replace("for VOTES", "for NEWER")
              .getBytes(StandardCharsets.ISO_8859_1);
      socket.getOutputStream().write(greeting);
      byte[] answer = socket.getInputStream().readAllBytes();
      assertEquals(1, answer[0]);
      String why = new String(answer, 2, answer.length - 2, StandardCharsets.UTF_8);
      assertEquals("this node knows no connections for \"NEWER\"", why);
    }
  }

  /** R28. The greeting of this test is one from before there were levels. */
  @Test
  void bothSidesSayTheirLevels() throws IOException {
    FakeIdentities identities = new FakeIdentities(2);
    start(CLUSTER, "n2", port2, 0, identities);
    identities.levels = new Levels(2, 1, 3);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
      socket.getOutputStream().write(greeting());
      DataInputStream in = new DataInputStream(socket.getInputStream());
      assertEquals(0, in.read(), "welcome");
      assertTrue(in.readUTF().contains("\nlevels 2 1 3\n"));
    }
    assertEquals(Levels.FIRST, identities.heard.get().levels());
    FakeIdentities ofOne = new FakeIdentities(1);
    SocketRpc n1 = start(CLUSTER, "n1", port1, 0, ofOne);
    ofOne.levels = new Levels(1, 1, 2);
    assertEquals(1, askForVote(n1, 1));
    assertEquals(ofOne.levels, identities.heard.get().levels());
    assertEquals(identities.levels, ofOne.heard.get().levels());
  }

  @Test
  void aPeerThatWasGoneIsFoundAgainAndCostsLittleMeanwhile() throws IOException {
    SocketRpc n2 = start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    assertEquals(1, askForVote(n1, 1));
    n2.close();
    int attempts = 0;
    long end = System.nanoTime() + 1_000_000_000L;
    while (System.nanoTime() < end) {
      assertThrows(IOException.class, () -> askForVote(n1, 1));
      ++attempts;
    }
    assertTrue(attempts < 20, attempts + " attempts in a second");
    start(CLUSTER, "n2", port2);
    assertEquals(2, askForVote(n1, 2));
  }

  @Test
  void aPeerThatHasStartedAgainIsReachedByTheFirstCall() throws IOException {
    SocketRpc n2 = start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    assertEquals(1, askForVote(n1, 1));
    n2.close();
    start(CLUSTER, "n2", port2);
    assertEquals(2, askForVote(n1, 2));
  }

  @Test
  void aPeerThatNeverAnswersEndsTheCallWithAnErrorThatIsNoInterrupt() throws IOException {
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    try (ServerSocket silent = new ServerSocket(port2, 50, InetAddress.getLoopbackAddress())) {
      IOException e = assertThrows(IOException.class, () -> askForVote(n1, 1));
      assertTrue(!(e instanceof InterruptedIOException), e.toString());
      assertTrue(silent.isBound());
    }
  }

  @Test
  void aPeerThatTakesNoBytesEndsTheCall() throws IOException {
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    try (ServerSocket listener = new ServerSocket()) {
      listener.setReceiveBufferSize(4096);
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port2));
      Thread greeter =
          new Thread(
              () -> {
                try {
                  listener.accept().getOutputStream().write(0);
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      greeter.start();
      AppendEntriesRequestProto large =
          AppendEntriesRequestProto.newBuilder()
              .setServerRequest(
                  header().setRequestorId(ByteString.copyFrom(new byte[FRAME_BYTES_MAX - 100])))
              .build();
      assertThrows(
          IOException.class,
          () -> {
            while (true) {
              n1.appendEntries(large);
            }
          });
    }
  }

  @Test
  void garbageAndHalfFramesHarmNothing() throws IOException {
    FakeIdentities identities = new FakeIdentities(1);
    identities.known = 1; // garbage that says another start would end the connections of this one
    start(CLUSTER, "n2", port2, 0, identities);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    byte[] valid = validConversation();
    for (int round = 0; round < 500; ++round) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
        socket.getOutputStream().write(spoil(valid, random));
        if (random.nextBoolean()) {
          socket.shutdownOutput();
          socket.getInputStream().readAllBytes();
        }
      } catch (IOException e) {
        // Being thrown out is what it deserves.
      }
      assertEquals(round, askForVote(n1, round));
    }
  }

  @Test
  void aGreetingCutAnywhereHarmsNothing() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    byte[] valid = validConversation();
    for (int length = 0; length < valid.length; ++length) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
        socket.getOutputStream().write(valid, 0, length);
      }
    }
    assertEquals(1, askForVote(n1, 1));
  }

  /** They wait as long as they may, and come again; a peer needs a moment (C9). */
  @Test
  void strangersWhoFillEveryPlaceDoNotKeepAPeerOut() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    List<Socket> silent = new ArrayList<>();
    for (int i = 0; i < 3 * Listener.STRANGERS_MAX; ++i) {
      silent.add(new Socket(InetAddress.getLoopbackAddress(), port2));
    }
    assertEquals(1, askForVote(n1, 1));
    assertEquals(-1, silent.get(0).getInputStream().read(), "the oldest is closed");
    for (Socket socket : silent) {
      socket.close();
    }
  }

  @Test
  void aNodeThatConnectsAgainAndAgainHasItsLostConnectionsClosed() throws IOException {
    start(CLUSTER, "n2", port2);
    List<Socket> lost = new ArrayList<>();
    for (int i = 0; i <= Listener.CONNECTIONS_OF_A_LINE_MAX; ++i) {
      Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2);
      socket.getOutputStream().write(greeting());
      DataInputStream answer = new DataInputStream(socket.getInputStream());
      assertEquals(0, answer.read(), "welcome");
      answer.readUTF();
      lost.add(socket);
    }
    assertEquals(-1, lost.get(0).getInputStream().read(), "closed");
    assertEquals(1, askForVote(start(CLUSTER, "n1", port1), 1));
    for (Socket socket : lost) {
      socket.close();
    }
  }

  @Test
  void aNodeThatTakesOtherSizesIsWelcome() throws IOException {
    start(CLUSTER, "n2", port2);
    String frame = "frame " + FRAME_BYTES_MAX;
    String other = "frame " + (FRAME_BYTES_MAX + 1);
    byte[] greeting =
        new String(greeting(), StandardCharsets.ISO_8859_1)
            .replace(frame, other)
            .getBytes(StandardCharsets.ISO_8859_1);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
      socket.getOutputStream().write(greeting);
      assertEquals(0, socket.getInputStream().read(), "welcome");
    }
  }

  @Test
  void aCallToANodeThatHangsEndsWhenTheLeaderLeadsNoMore() throws Exception {
    try (ServerSocket silent = new ServerSocket(port2, 8, InetAddress.getLoopbackAddress())) {
      SocketRpc n1 = start(CLUSTER, "n1", port1);
      // Else it would always wait two seconds for the greeting.
      Duration time;
      do {
        time = timeOfInterruptedCall(n1, silent);
      } while (time.toMillis() > 1500);
    }
  }

  private static Duration timeOfInterruptedCall(SocketRpc n1, ServerSocket silent)
      throws IOException, InterruptedException {
    Thread caller =
        new Thread(
            () -> assertThrows(IOException.class, () -> n1.appendEntries(appendFrom("n1", 1))));
    caller.start();
    Socket greeting = silent.accept();
    long begun = System.nanoTime();
    n1.notifyNotLeader(null);
    caller.join();
    greeting.close();
    return Duration.ofNanos(System.nanoTime() - begun);
  }

  /** Cuts, changes or replaces parts of a conversation. */
  private static byte[] spoil(byte[] valid, Random random) {
    int kind = random.nextInt(3);
    if (kind == 0) {
      byte[] noise = new byte[random.nextInt(200)];
      random.nextBytes(noise);
      return noise;
    }
    byte[] bytes = java.util.Arrays.copyOf(valid, 1 + random.nextInt(valid.length));
    for (int i = 0; kind == 1 && i < 3; ++i) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
    }
    return bytes;
  }

  private static byte[] greeting() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeBytes("TRIPLA-R");
    out.writeInt(3);
    out.writeUTF( // a length of two bytes and the text
        "cluster " + CLUSTER + "\nfrom n1\nto n2\nfor VOTES\nframe " + FRAME_BYTES_MAX
            + "\nsomething that a later version says\nstarts 1 1\nlog 0 0\nvotes-from 0\n");
    return bytes.toByteArray();
  }

  /** A greeting and two requests. */
  private static byte[] validConversation() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(greeting());
    DataOutputStream out = new DataOutputStream(bytes);
    for (int i = 0; i < 2; ++i) {
      byte[] request = voteRequest(i).toBuilder().setPreVote(true).build().toByteArray();
      out.writeByte(Call.REQUEST_VOTE.number);
      out.writeInt(request.length);
      out.write(request);
    }
    return bytes.toByteArray();
  }

  private void assertRefused(SocketRpc node, String why) {
    IOException e = assertThrows(IOException.class, () -> askForVote(node, 1));
    assertTrue(e.getMessage().contains(why), e.getMessage());
    assertEquals(0, votesAsked.get());
  }
}
