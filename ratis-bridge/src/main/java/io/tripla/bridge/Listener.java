// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Predicate;
import javax.net.ServerSocketFactory;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;

/**
 * Takes the connections of other nodes and serves their calls, one thread a connection. Strangers are
 * refused, told why where they can understand it, and state; nothing they send has any effect.
 */
final class Listener implements Closeable {
  /** Executes a call. The answer is sent by whatever thread has it. */
  interface Service {
    CompletableFuture<? extends MessageLite> execute(Call call, MessageLite request)
        throws IOException;
  }

  /** Who is let in. */
  interface Admission {
    /** Throws for a node with which this one takes part in nothing. */
    void admit(Greeting greeting) throws IOException;

    /** What this node says of itself. */
    NodeState self() throws IOException;
  }

  /** Name of the thread without which nobody gets through. */
  static final String ACCEPT = "tripla-accept";

  /**
   * That have not greeted yet. With more, the one that has been silent longest is closed: a peer greets as
   * soon as it is connected, so that strangers who wait do not keep it out.
   */
  static final int STRANGERS_MAX = 64;

  /** So that strangers who wait to be refused do not keep peers out. */
  private static final int BACKLOG = 1024;

  /** What connections are for; a node has one at a time for each purpose. */
  private record Line(String node, Call.Purpose purpose) {}

  static final int CONNECTIONS_OF_A_LINE_MAX = 4;

  private static final Duration GREETING_TIME = Duration.ofSeconds(2);
  private static final Duration CONTENT_TIME = Duration.ofSeconds(10);

  /** Longer than the other side keeps an idle connection. */
  private static final Duration IDLE_TIME = Duration.ofSeconds(60);

  private static final long PAUSE_AFTER_ERROR_MS = 100;
  private static final long BETWEEN_COMPLAINTS_NANOS = 1_000_000_000L;
  private static final Logger LOG = System.getLogger(Listener.class.getName());

  private final ServerSocket socket;
  private final Watchdog watchdog;
  private final int frameBytesMax;
  private final Admission admission;
  private final Service service;
  /** In the order in which they came. */
  private final Set<Socket> strangers = new LinkedHashSet<>();

  private final Map<Line, Deque<Wire>> known = new HashMap<>();
  private final Thread acceptor = Threads.daemon(ACCEPT, this::accept);

  /** Each connection by the thread that serves it. Only the acceptor uses it, while it runs. */
  private final Map<Thread, Socket> served = new HashMap<>();

  private String lastComplaint = "";
  private long lastComplaintNanos = System.nanoTime() - BETWEEN_COMPLAINTS_NANOS;

  /**
   * Listens when it returns.
   */
  Listener(
      ServerSocketFactory sockets,
      InetSocketAddress address,
      Watchdog watchdog,
      int frameBytesMax,
      Admission admission,
      Service service)
      throws IOException {
    this.watchdog = watchdog;
    this.frameBytesMax = frameBytesMax;
    this.admission = admission;
    this.service = service;
    socket = sockets.createServerSocket();
    socket.setReuseAddress(true);
    try {
      socket.bind(address, BACKLOG);
    } catch (IOException e) {
      socket.close();
      throw new IOException(
          "it cannot listen for the other servers on " + address.getHostString() + ":"
              + address.getPort() + " (" + e.getMessage()
              + "); end what uses the port, or say another address with --raft-listen");
    }
    acceptor.start();
  }

  int port() {
    return socket.getLocalPort();
  }

  /**
   * When it returns, the port is free, all connections are closed, and no call is executed any more. An
   * answer may still be due of a call that waits for something else; nobody gets it.
   */
  @Override
  public void close() throws IOException {
    socket.close();
    Threads.awaitEnd(acceptor); // so that there are no further connections
    for (Socket connection : served.values()) {
      connection.close();
    }
    Threads.awaitEnd(served.keySet());
  }

  private void accept() {
    while (!socket.isClosed()) {
      try {
        Socket accepted = socket.accept();
        makeRoom(accepted);
        startServing(accepted);
      } catch (IOException e) {
        if (!socket.isClosed()) {
          complain("no connection could be taken: " + e.getMessage());
          pause();
        }
      }
    }
  }

  private void makeRoom(Socket accepted) throws IOException {
    synchronized (strangers) {
      strangers.add(accepted);
      if (strangers.size() <= STRANGERS_MAX) {
        return;
      }
      Socket longest = strangers.iterator().next();
      strangers.remove(longest);
      longest.close();
    }
    complain(
        "more than " + STRANGERS_MAX + " have connected and not greeted; the oldest is refused");
  }

  private void forgetStranger(Socket greeted) {
    synchronized (strangers) {
      strangers.remove(greeted);
    }
  }

  private void startServing(Socket accepted) {
    served.keySet().removeIf(thread -> !thread.isAlive());
    Thread thread = Threads.daemon("tripla-serve", () -> serve(accepted));
    served.put(thread, accepted);
    thread.start();
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE_AFTER_ERROR_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(Socket accepted) {
    try (accepted;
        Wire wire = new Wire(accepted, frameBytesMax)) {
      wire.allow(GREETING_TIME);
      watchdog.watch(wire);
      Greeting greeting = receiveGreeting(wire);
      forgetStranger(accepted);
      if (greeting != null) {
        serveCalls(greeting, wire);
      }
    } catch (IOException e) {
      // It went away; if it lives, it comes back.
      LOG.log(Level.DEBUG, "a connection ended: {0}", e.toString());
    } finally {
      forgetStranger(accepted);
    }
  }

  /** Null for a stranger. */
  private Greeting receiveGreeting(Wire wire) throws IOException {
    String why;
    try {
      Greeting greeting = Greeting.receive(wire);
      admit(greeting, wire);
      return greeting;
    } catch (IOException e) {
      if (socket.isClosed()) {
        return null;
      }
      why = wire.isClosed() || e.getMessage() == null ? "it does not greet" : e.getMessage();
    }
    complain("a connection from " + wire.remote() + " is refused: " + why);
    return null;
  }

  private void admit(Greeting greeting, Wire wire) throws IOException {
    try {
      admission.admit(greeting);
    } catch (Greeting.Refused e) {
      Greeting.refuse(wire, e);
      throw e;
    }
  }

  private void serveCalls(Greeting from, Wire wire) throws IOException {
    Line line = new Line(from.from(), from.purpose());
    wire.setPeerState(from.state());
    add(line, wire); // first, so that a peer's connections stand in the order of its greetings
    try {
      admit(from, wire); // again: what was learned meanwhile has closed only what was added
      Greeting.welcome(wire, admission.self());
      serveCalls(wire);
    } finally {
      remove(line, wire);
    }
  }

  /**
   * Who connects again has lost the connections before, of which this side may not know for long. A
   * few may stay: whoever else greets as that node does not cut it off.
   */
  private void add(Line line, Wire wire) {
    synchronized (known) {
      Deque<Wire> wires = known.computeIfAbsent(line, key -> new ArrayDeque<>());
      wires.add(wire);
      if (wires.size() > CONNECTIONS_OF_A_LINE_MAX) {
        wires.remove().close();
      }
    }
  }

  /** Closes the connections of other starts of this node. */
  void closeOtherStarts(String node, long nonce) {
    close(node, wire -> wire.peerState().starts().last() != nonce);
  }

  /** Closes all connections of this node. */
  void closeAll(String node) {
    close(node, wire -> true);
  }

  private void close(String node, Predicate<Wire> which) {
    synchronized (known) {
      known.forEach(
          (line, wires) -> {
            if (line.node().equals(node)) {
              wires.stream().filter(which).forEach(Wire::close);
            }
          });
    }
  }

  private void remove(Line line, Wire wire) {
    synchronized (known) {
      known.get(line).remove(wire);
    }
  }

  private void serveCalls(Wire wire) throws IOException {
    while (true) {
      wire.allow(IDLE_TIME);
      Wire.Frame frame = wire.receive(CONTENT_TIME);
      wire.allow(IDLE_TIME);
      Call call = Call.of(frame.kind());
      if (call == null) { // of a later version, which can do without an answer
        answer(wire, null, new IOException("this node knows no calls of kind " + frame.kind()));
        continue;
      }
      serveCall(call, frame.parse(call.request), wire);
    }
  }

  /** A peer makes its next call on this connection when it has the answer to this one. */
  private void serveCall(Call call, MessageLite request, Wire wire) {
    CompletableFuture<? extends MessageLite> reply;
    try {
      reply = service.execute(call, request);
    } catch (IOException | RuntimeException e) {
      reply = CompletableFuture.failedFuture(e);
    }
    reply.whenComplete((message, error) -> answer(wire, message, error));
  }

  private static void answer(Wire wire, MessageLite message, Throwable error) {
    try {
      if (error == null) {
        wire.send(Wire.REPLY, message);
      } else {
        Throwable cause = error instanceof CompletionException ? error.getCause() : error;
        boolean said = cause instanceof IOException && cause.getMessage() != null;
        String why = said ? cause.getMessage() : cause.toString();
        wire.send(Wire.FAILURE, why.getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException | RuntimeException e) {
      wire.close();
    }
  }

  /** Says it, unless it was just state: a stranger who knocks all day is one line. */
  private synchronized void complain(String what) {
    String withoutPort = what.replaceFirst(":\\d+ is refused", " is refused");
    long now = System.nanoTime();
    if (withoutPort.equals(lastComplaint) || now - lastComplaintNanos < BETWEEN_COMPLAINTS_NANOS) {
      return;
    }
    lastComplaint = withoutPort;
    lastComplaintNanos = now;
    LOG.log(Level.WARNING, what);
  }
}
