// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import javax.net.SocketFactory;

/** Another node: where it is, and whether it answers. Any thread. */
final class Peer implements Closeable {
  private static final int CONNECT_MS = 500;
  private static final Duration GREETING_TIME = Duration.ofSeconds(2);
  private static final Logger LOG = System.getLogger(Peer.class.getName());

  /** What all peers share. */
  record Home(
      UUID cluster,
      String node,
      SocketFactory sockets,
      Watchdog watchdog,
      int frameBytesMax,
      int saidFrameBytesMax,
      Identities identities,
      Consumer<String> disconnect) {}

  private final Home home;
  private final String node;
  private final String host;
  private final int port;
  private final Map<Call.Purpose, Line> lines = new EnumMap<>(Call.Purpose.class);
  private String trouble = "";
  private volatile long heard; // nanoseconds, as System.nanoTime(); 0: never

  /** @param address HOST:PORT */
  Peer(Home home, String node, String address) {
    int colon = address.lastIndexOf(':');
    this.home = home;
    this.node = node;
    this.host = address.substring(0, colon).replaceAll("[\\[\\]]", "");
    this.port = Integer.parseInt(address.substring(colon + 1));
    for (Call.Purpose purpose : Call.Purpose.values()) {
      lines.put(purpose, new Line(this, purpose));
    }
  }

  Line line(Call.Purpose purpose) {
    return lines.get(purpose);
  }

  /** Greets it on a new connection for votes, if it can be reached. */
  void introduce() {
    try {
      line(Call.Purpose.VOTES).connectAnew();
    } catch (IOException | RuntimeException e) {
      LOG.log(Level.DEBUG, "{0} was not greeted: {1}", node, e.toString());
    }
  }

  /** It has said something. */
  void hear() {
    heard = System.nanoTime();
  }

  /** Milliseconds since it has said something; -1 when it never has. */
  long silenceMs() {
    long last = heard;
    return last == 0 ? -1 : Duration.ofNanos(System.nanoTime() - last).toMillis();
  }

  /** Why the last attempt to connect to it failed; empty when it did not. */
  synchronized String trouble() {
    return trouble;
  }

  /** Ends the calls that only a leader makes. */
  void hangUp() {
    for (Call.Purpose purpose : List.of(Call.Purpose.ENTRIES, Call.Purpose.SNAPSHOTS)) {
      line(purpose).hangUp();
    }
  }

  /** Ends the connections with another start of it. They are made again. */
  void closeOtherStarts(long nonce) {
    lines.values().forEach(line -> line.closeOtherStarts(nonce));
  }

  /** Ends all connections. They are made again. */
  void closeAll() {
    lines.values().forEach(Line::hangUp);
  }

  /** Ends all calls, and makes no other. They have ended when this returns. */
  @Override
  public void close() {
    lines.values().forEach(Line::close);
  }

  /**
   * A connection that was greeted.
   *
   * @param opened is given the socket first, to close it from another thread
   */
  Wire connect(Call.Purpose purpose, Consumer<Socket> opened) throws IOException {
    Socket socket = home.sockets.createSocket();
    opened.accept(socket);
    try {
      socket.connect(new InetSocketAddress(host, port), CONNECT_MS);
      Wire wire = new Wire(socket, home.frameBytesMax);
      wire.allow(GREETING_TIME);
      home.watchdog.watch(wire);
      Acknowledged before = home.identities.acknowledged(node);
      NodeState state = greet(wire, purpose);
      check(() -> home.identities.check(node, state, before));
      wire.setPeerState(state);
      found();
      return wire;
    } catch (IOException e) {
      socket.close();
      lost(why(e));
      throw e;
    }
  }

  /** Once a connection is in its place: what was learned while it was made has not closed it. */
  void checkAgain(Wire wire) throws IOException {
    try {
      check(() -> home.identities.check(node, wire.peerState()));
    } catch (IOException e) {
      wire.close();
      lost(why(e));
      throw e;
    }
  }

  private interface Check {
    void run() throws IOException;
  }

  private void check(Check check) throws IOException {
    try {
      check.run();
    } catch (Greeting.Refused e) {
      home.disconnect.accept(node); // it is told when it connects again
      throw e;
    }
  }

  private NodeState greet(Wire wire, Call.Purpose purpose) throws IOException {
    try {
      return new Greeting(
              home.cluster,
              home.node,
              node,
              purpose,
              home.saidFrameBytesMax,
              home.identities.self())
          .send(wire);
    } catch (Greeting.Refused e) {
      String why = node + " refuses this node: " + e.getMessage();
      if (e.outdated) {
        home.identities.endAsOutdated(why);
      }
      throw new IOException(why, e);
    }
  }

  private static String why(IOException e) {
    return e.getMessage() == null ? "no answer" : e.getMessage();
  }

  private synchronized void found() {
    hear();
    if (!trouble.isEmpty()) {
      trouble = "";
      LOG.log(Level.INFO, "{0} at {1}:{2,number,#} is there again", node, host, port);
    }
  }

  private synchronized void lost(String why) {
    if (!why.equals(trouble)) {
      trouble = why;
      LOG.log(Level.INFO, "{0} at {1}:{2,number,#} is out of reach: {3}", node, host, port, why);
    }
  }

  @Override
  public String toString() {
    return node;
  }
}
