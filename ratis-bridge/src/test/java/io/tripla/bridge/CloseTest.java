// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.junit.jupiter.api.Test;

/** What was closed is not there any more when close() returns. */
class CloseTest extends Nodes {
  private static final int ROUNDS = 20;
  private static final int PATIENCE_MS = 20_000;

  /** Names of the bridge's threads that live. */
  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("tripla-"))
        .toList();
  }

  private static Socket connect(int port) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), port);
  }

  private static boolean isEnded(Socket socket) throws IOException {
    try (socket) {
      socket.setSoTimeout(PATIENCE_MS); // an error then
      return socket.getInputStream().read() == -1;
    } catch (SocketException reset) {
      return true;
    }
  }

  @Test
  void theNextNodeGetsThePortAndNoCallReachesTheClosedOne() throws IOException {
    SocketRpc n1 = start(CLUSTER, "n1", port1);
    for (int round = 0; round < ROUNDS; ++round) {
      SocketRpc n2 = start(CLUSTER, "n2", port2);
      assertEquals(round, askForVote(n1, round));
      n2.close();
      int asked = votesAsked.get();
      assertThrows(IOException.class, () -> askForVote(n1, 1));
      assertEquals(asked, votesAsked.get());
    }
  }

  @Test
  void allConnectionsOfTheNodeAreClosedAlsoThoseThatCameWhileItClosed() throws Exception {
    for (int round = 0; round < ROUNDS; ++round) {
      SocketRpc n2 = start(CLUSTER, "n2", port2);
      List<Socket> strangers = new ArrayList<>(List.of(connect(port2), connect(port2)));
      AtomicBoolean closed = new AtomicBoolean();
      Thread knocker =
          new Thread(
              () -> {
                while (!closed.get()) {
                  try {
                    strangers.add(connect(port2));
                  } catch (IOException refused) {
                    return;
                  }
                }
              });
      knocker.start();
      n2.close();
      closed.set(true);
      knocker.join();
      for (Socket stranger : strangers) {
        assertTrue(isEnded(stranger));
      }
    }
  }

  @Test
  void noThreadOfTheNodeIsLeft() throws IOException {
    for (int round = 0; round < ROUNDS; ++round) {
      SocketRpc n2 = start(CLUSTER, "n2", port2);
      SocketRpc n1 = start(CLUSTER, "n1", port1);
      assertEquals(1, askForVote(n1, 1));
      try (Socket stranger = connect(port2)) {
        n2.close();
        n1.close();
        assertEquals(List.of(), threads());
        assertTrue(isEnded(stranger));
      }
    }
  }

  @Test
  void aCallThatTheNodeExecutesHasEnded() throws Exception {
    for (int round = 0; round < ROUNDS; ++round) {
      SocketRpc n1 = start(CLUSTER, "n1", port1);
      SocketRpc n2 = start(CLUSTER, "n2", port2);
      CountDownLatch executes = new CountDownLatch(1);
      CountDownLatch failed = new CountDownLatch(1);
      AtomicBoolean executed = new AtomicBoolean();
      onVote =
          () -> {
            executes.countDown();
            failed.await();
            executed.set(true);
          };
      Thread caller =
          new Thread(
              () -> {
                assertThrows(IOException.class, () -> askForVote(n1, 1));
                failed.countDown();
              });
      caller.start();
      executes.await();
      onVote = () -> {};
      n2.close();
      assertTrue(executed.get());
      caller.join();
      n1.close();
    }
  }

  @Test
  void itsOwnCallEndsAndItMakesNoOther() throws Exception {
    try (ServerSocket silent = new ServerSocket(port2, 8, InetAddress.getLoopbackAddress())) {
      SocketRpc n1 = start(CLUSTER, "n1", port1);
      Thread caller =
          new Thread(() -> assertThrows(IOException.class, () -> askForVote(n1, 1)));
      caller.start();
      silent.accept().close();
      n1.close();
      caller.join();
      IOException e = assertThrows(IOException.class, () -> askForVote(n1, 1));
      assertTrue(e.getMessage().contains("this node is shutting down"), e.getMessage());
    }
  }

  @Test
  void aWatchdogThatIsClosedClosesWhatItIsGiven() throws IOException {
    Watchdog watchdog = new Watchdog();
    watchdog.close();
    assertEquals(List.of(), threads());
    try (ServerSocket silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
        Socket socket = connect(silent.getLocalPort())) {
      watchdog.watch(new Wire(socket, FRAME_BYTES_MAX));
      assertTrue(socket.isClosed());
    }
  }

  @Test
  void aCandidacyThatIsClosedLooksNoMore() throws InterruptedException {
    for (int round = 0; round < 3; ++round) {
      CountDownLatch looks = new CountDownLatch(1);
      Candidacy candidacy =
          new Candidacy(
              new Candidacy.Follower() {
                @Override
                public Optional<Duration> silence() {
                  looks.countDown();
                  awaitInterrupt();
                  return Optional.of(Candidacy.PATIENCE_MAX);
                }

                @Override
                public boolean stand(Duration patience) {
                  return false;
                }
              });
      candidacy.start();
      looks.await();
      candidacy.close();
      assertEquals(List.of(), threads());
    }
  }

  /** And goes on for a while, as the step of an election does. */
  private static void awaitInterrupt() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      for (int i = 0; i < 10_000; ++i) {
        Thread.yield();
      }
    }
  }

  @Test
  void nothingLooksAfterAServerThatHasEnded() throws IOException {
    RaftServer server =
        (RaftServer)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {RaftServer.class},
                (proxy, method, arguments) ->
                    method.getName().equals("getId") ? RaftPeerId.valueOf("n1") : null);
    for (int round = 0; round < ROUNDS; ++round) {
      ServerEnd.close(server);
      assertEquals(List.of(), threads());
    }
  }
}
