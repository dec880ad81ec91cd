// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;

/**
 * The calls of one purpose to one peer, one at a time: a call is one write and one read on the
 * caller's own thread. The connection is made when a call needs it, and given up after the first
 * error; one that the peer has ended meanwhile is made anew at once. Any thread.
 */
final class Line implements Closeable {
  /**
   * The time for the first attempt. Short, so that a peer behind a cut network is connected to again
   * within a second. A peer that is only slow gets more time with each attempt.
   */
  private static final Duration SHORT_TIME = Duration.ofSeconds(1);

  private static final Duration LONG_TIME = Duration.ofSeconds(30);
  private static final Duration IDLE_TIME = Duration.ofSeconds(30);

  /** Between two attempts to connect, so that a peer that is gone costs next to nothing. */
  private static final long PAUSE_MS = 200;

  private final Peer peer;
  private final Call.Purpose purpose;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile Wire wire;

  /** Of {@link #wire}, also while it is being connected. Other threads close it to end a call. */
  private volatile Socket socket;

  private volatile boolean closed;
  private Duration time;
  private long lastFailure = System.nanoTime() - Duration.ofMillis(PAUSE_MS).toNanos();

  Line(Peer peer, Call.Purpose purpose) {
    this.peer = peer;
    this.purpose = purpose;
    this.time = shortTime();
  }

  /** A piece of an image is written to the disk before it is answered; the last with a sync of all. */
  private Duration shortTime() {
    return purpose == Call.Purpose.SNAPSHOTS ? SHORT_TIME.multipliedBy(10) : SHORT_TIME;
  }

  /** Any error is an IOException, never one of a timeout, which Ratis takes for an interrupt. */
  MessageLite call(Call call, MessageLite request) throws IOException {
    try {
      // Ratis interrupts its threads when their votes are not needed any more; they must not pile up.
      lock.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Interrupted();
    }
    try {
      return callAlone(call, request);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes a connection in place of the one that there is. While a call is under way, that one stays: it
   * works.
   */
  void connectAnew() throws IOException {
    checkOpen();
    Socket[] made = new Socket[1];
    Wire opened = peer.connect(purpose, socket -> made[0] = socket);
    if (!lock.tryLock()) {
      opened.close();
      return;
    }
    try {
      if (wire != null) {
        wire.close();
      }
      setSocket(made[0]);
      wire = opened;
      peer.checkAgain(opened);
      opened.allow(IDLE_TIME);
    } finally {
      lock.unlock();
    }
  }

  private MessageLite callAlone(Call call, MessageLite request) throws IOException {
    checkOpen();
    boolean reused = wire != null && !wire.isClosed();
    try {
      if (!reused) {
        connect();
      }
      return exchange(call, request);
    } catch (Failed | Interrupted e) {
      throw e;
    } catch (EOFException | SocketException e) {
      if (!reused || wire.isClosed() || purpose == Call.Purpose.SNAPSHOTS) {
        throw giveUp(e);
      }
      // The peer has ended since the last call, and may have started again. Every call may be executed
      // twice, except a piece of an image.
      wire.close();
      return callAlone(call, request);
    } catch (IOException e) {
      throw giveUp(e);
    }
  }

  private MessageLite exchange(Call call, MessageLite request) throws IOException {
    wire.allow(time);
    wire.send(call.number, request);
    Wire.Frame frame = wire.receive(time);
    wire.allow(IDLE_TIME);
    time = longer(shortTime(), time.multipliedBy(2).dividedBy(3));
    if (frame.kind() == Wire.REPLY) {
      return frame.parse(call.reply);
    }
    if (frame.kind() != Wire.FAILURE) {
      throw new IOException("a frame of kind " + frame.kind());
    }
    throw new Failed(new String(frame.content(), StandardCharsets.UTF_8));
  }

  /** Ends the call that is under way, if one is, with an error. */
  void hangUp() {
    Socket open = socket;
    if (open != null) {
      close(open);
    }
  }

  /** Ends the connection unless it is to this start of the peer. */
  void closeOtherStarts(long nonce) {
    Wire open = wire;
    if (open != null && open.peerState().starts().last() != nonce) {
      hangUp();
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is given up either way.
    }
  }

  /** Ends the call that is under way, and makes no other. It has ended when this returns. */
  @Override
  public void close() {
    closed = true;
    hangUp();
    lock.lock(); // a call holds it
    lock.unlock();
  }

  private void checkOpen() throws IOException {
    if (closed) {
      throw new IOException("this node is shutting down");
    }
  }

  private void setSocket(Socket opened) {
    socket = opened;
    if (closed) {
      close(opened);
    }
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }

  /** The peer executed the call and failed; the connection is sound. */
  static final class Failed extends IOException {
    Failed(String why) {
      super(why);
    }
  }

  /** The caller is to stop. */
  private static final class Interrupted extends InterruptedIOException {}

  private void connect() throws IOException {
    wire = null;
    awaitNextAttempt();
    checkOpen();
    try {
      Wire opened = peer.connect(purpose, this::setSocket);
      wire = opened;
      peer.checkAgain(opened);
    } catch (IOException e) {
      time = shortTime();
      throw e;
    }
  }

  private IOException giveUp(IOException e) {
    if (wire != null) {
      wire.close();
      wire = null;
      time = time.multipliedBy(3).compareTo(LONG_TIME) < 0 ? time.multipliedBy(3) : LONG_TIME;
    }
    lastFailure = System.nanoTime();
    return new IOException(peer + " did not answer: " + e, e);
  }

  private void awaitNextAttempt() throws Interrupted {
    long passed = Duration.ofNanos(System.nanoTime() - lastFailure).toMillis();
    if (passed >= PAUSE_MS) {
      return;
    }
    try {
      Thread.sleep(PAUSE_MS - passed);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Interrupted();
    }
  }
}
