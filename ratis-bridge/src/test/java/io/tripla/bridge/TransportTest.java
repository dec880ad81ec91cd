// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ServerSocketFactory;
import javax.net.SocketFactory;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.proto.RaftProtos.TermIndexProto;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What nodes say to each other, and what others may say to them, over real sockets. */
@Timeout(60)
class TransportTest {
  private static final UUID CLUSTER = UUID.nameUUIDFromBytes(new byte[] {1});
  private static final int FRAME_BYTES_MAX = 1 << 20;

  /** The leader of this term is told that it leads no more. */
  private static final long TERM_OVER = 5;

  private final List<SocketRpc> nodes = new ArrayList<>();
  private final AtomicInteger votesAsked = new AtomicInteger();
  private File disk = new File(".");
  private final AtomicInteger installsBegun = new AtomicInteger();
  private final AtomicLong lastIndex = new AtomicLong();
  private final Lease lease = new Lease(2);
  private final int port1 = freePort();
  private final int port2 = freePort();

  @AfterEach
  void closeNodes() throws IOException {
    for (SocketRpc node : nodes) {
      node.close();
    }
  }

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
      assertEquals("it speaks version 9 of the protocol, this node 2", why);
    }
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
    start(CLUSTER, "n2", port2);
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

  @Test
  void strangersWhoFillEveryPlaceDoNotKeepPeersOutForLong() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    List<Socket> silent = new ArrayList<>();
    for (int i = 0; i < 2 * Listener.STRANGERS_MAX; ++i) {
      silent.add(new Socket(InetAddress.getLoopbackAddress(), port2));
    }
    while (true) { // until those who do not greet are thrown out
      try {
        assertEquals(1, askForVote(n1, 1));
        break;
      } catch (IOException e) {
        assertTrue(!silent.isEmpty());
      }
    }
    for (Socket socket : silent) {
      socket.close();
    }
  }

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
    awaitVote(n1, another);
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
    awaitVote(n2, own);
  }

  @Test
  void aLeaderThatAsksAnotherToLeadFreesItFromItsPromiseAndHasNoLease() throws IOException {
    SocketRpc n2 = start(CLUSTER, "n2", port2);
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
    assertEquals(2, nodes.size(), n2.toString());
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
  void aNodeThatConnectsAgainAndAgainHasItsLostConnectionsClosed() throws IOException {
    start(CLUSTER, "n2", port2);
    List<Socket> lost = new ArrayList<>();
    for (int i = 0; i <= Listener.CONNECTIONS_OF_A_LINE_MAX; ++i) {
      Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2);
      socket.getOutputStream().write(greeting());
      assertEquals(0, socket.getInputStream().read(), "welcome");
      lost.add(socket);
    }
    assertEquals(-1, lost.get(0).getInputStream().read(), "closed");
    assertEquals(1, askForVote(start(CLUSTER, "n1", port1), 1));
    for (Socket socket : lost) {
      socket.close();
    }
  }

  @Test
  void aNodeThatTakesOtherSizesIsRefused() throws IOException {
    start(CLUSTER, "n2", port2);
    byte[] greeting = greeting();
    greeting[greeting.length - 1] ^= 1;
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port2)) {
      socket.getOutputStream().write(greeting);
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(answer.contains("the same --data-bytes-max"), answer);
    }
  }

  @Test
  void aCallToANodeThatHangsEndsWhenTheLeaderLeadsNoMore() throws Exception {
    try (ServerSocket silent = new ServerSocket(port2, 8, InetAddress.getLoopbackAddress())) {
      SocketRpc n1 = start(CLUSTER, "n1", port1);
      Thread caller =
          new Thread(
              () -> assertThrows(IOException.class, () -> n1.appendEntries(appendFrom("n1", 1))));
      caller.start();
      Socket greeting = silent.accept();
      n1.notifyNotLeader(null);
      caller.join(1500);
      assertFalse(caller.isAlive(), "it would wait two seconds for the greeting");
      greeting.close();
    }
  }

  @Test
  void theAnswerThatALeaderLeadsNoMoreExtendsNoLease() throws IOException {
    start(CLUSTER, "n2", port2);
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    n1.appendEntries(appendFrom("n1", TERM_OVER));
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
    disk = new File(".");
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    for (boolean preVote : List.of(true, false)) {
      assertThrows(IOException.class, () -> n1.requestVote(voteFrom("n1", preVote)));
    }
    assertThrows(IOException.class, () -> n1.appendEntries(appendFrom("n1", 1)));
    assertEquals(0, votesAsked.get());
  }

  /** Until it is granted, which the end of a promise allows. */
  private static void awaitVote(SocketRpc from, RequestVoteRequestProto request) {
    while (true) {
      try {
        assertEquals(7, from.requestVote(request).getTerm());
        return;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("it has just heard from n1"), e.getMessage());
      }
    }
  }

  private static AppendEntriesRequestProto appendFrom(String leader, long term) {
    return AppendEntriesRequestProto.newBuilder()
        .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8(leader)))
        .setLeaderTerm(term)
        .build();
  }

  private static RequestVoteRequestProto voteFrom(String candidate, boolean preVote) {
    return RequestVoteRequestProto.newBuilder()
        .setServerRequest(header().setRequestorId(ByteString.copyFromUtf8(candidate)))
        .setCandidateTerm(7)
        .setPreVote(preVote)
        .build();
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
    out.writeInt(2);
    out.writeLong(CLUSTER.getMostSignificantBits());
    out.writeLong(CLUSTER.getLeastSignificantBits());
    for (String name : List.of("n1", "n2")) {
      out.writeByte(name.length());
      out.writeBytes(name);
    }
    out.writeByte(0);
    out.writeInt(FRAME_BYTES_MAX);
    return bytes.toByteArray();
  }

  /** A greeting and two requests. */
  private static byte[] validConversation() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(greeting());
    DataOutputStream out = new DataOutputStream(bytes);
    for (int i = 0; i < 2; ++i) {
      byte[] request = voteRequest(i).toByteArray();
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

  private SocketRpc start(UUID cluster, String node, int port) throws IOException {
    return start(cluster, node, port, 0);
  }

  private SocketRpc start(UUID cluster, String node, int port, long votesFrom) throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    SocketRpcType.Settings settings =
        new SocketRpcType.Settings(
            cluster,
            node,
            address,
            FRAME_BYTES_MAX,
            lease,
            votesFrom,
            installsBegun::incrementAndGet,
            disk,
            SocketFactory.getDefault(),
            ServerSocketFactory.getDefault());
    SocketRpc rpc = new SocketRpc(server(), new SocketRpcType(), settings);
    rpc.addRaftPeers(List.of(peer("n1", port1), peer("n2", port2)));
    rpc.start();
    nodes.add(rpc);
    return rpc;
  }

  private static RaftPeer peer(String node, int port) {
    return RaftPeer.newBuilder().setId(node).setAddress("127.0.0.1:" + port).build();
  }

  /** A server that answers with what it was asked. */
  private RaftServer server() {
    return (RaftServer)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {RaftServer.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "requestVote" -> vote((RequestVoteRequestProto) arguments[0]);
                  case "appendEntries" -> append((AppendEntriesRequestProto) arguments[0]);
                  case "startLeaderElection" -> StartLeaderElectionReplyProto.getDefaultInstance();
                  case "getDivision" -> division();
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  /** One whose log ends at {@link #lastIndex}. */
  private RaftServer.Division division() {
    Object log =
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {RaftLog.class},
            (proxy, method, arguments) -> lastIndex.get() + 1);
    return (RaftServer.Division)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {RaftServer.Division.class},
            (proxy, method, arguments) -> log);
  }

  private RequestVoteReplyProto vote(RequestVoteRequestProto request) throws IOException {
    votesAsked.incrementAndGet();
    if (request.getCandidateTerm() < 0) {
      throw new IOException("no such term");
    }
    return RequestVoteReplyProto.newBuilder().setTerm(request.getCandidateTerm()).build();
  }

  private static AppendEntriesReplyProto append(AppendEntriesRequestProto request) {
    AppendEntriesReplyProto.Builder reply = AppendEntriesReplyProto.newBuilder();
    reply.setResult(request.getLeaderTerm() == TERM_OVER ? AppendResult.NOT_LEADER : AppendResult.SUCCESS);
    reply.getServerReplyBuilder().setRequestorId(request.getServerRequest().getRequestorId());
    return reply.build();
  }

  private static RaftRpcRequestProto.Builder header() {
    return RaftRpcRequestProto.newBuilder().setReplyId(ByteString.copyFromUtf8("n2"));
  }

  private static RequestVoteRequestProto voteRequest(long term) {
    return RequestVoteRequestProto.newBuilder()
        .setServerRequest(header())
        .setCandidateTerm(term)
        .build();
  }

  private static long askForVote(SocketRpc from, long term) throws IOException {
    return from.requestVote(voteRequest(term)).getTerm();
  }

  /**
   * Below those that Linux gives to outgoing connections: one of these, of any program, could take the
   * port before the node does.
   */
  private static int freePort() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(15_000, 30_000);
      try (ServerSocket socket = new ServerSocket(port)) {
        return socket.getLocalPort();
      } catch (IOException taken) {
        // another one
      }
    }
  }
}
