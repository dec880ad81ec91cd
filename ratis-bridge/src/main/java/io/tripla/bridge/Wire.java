// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedInputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/**
 * One end of a connection between two nodes, which carries frames:
 *
 * <pre>  kind u8 | length u32, big-endian | content</pre>
 *
 * Reads and writes block without a timeout of their own, which is quickest; instead each step says
 * with {@link #allow} how long it may take, and the {@link Watchdog} closes what is overdue.
 *
 * <p>One thread sends and one receives at a time; close() and overdue() from any.
 */
final class Wire implements Closeable {
  /** Kinds beside the numbers of {@link Call}. */
  static final int REPLY = 100;

  static final int FAILURE = 101;

  private static final int BUFFER_BYTES = 64 << 10;
  private static final int BELIEVED_BYTES_MAX = 1 << 20;

  /** What a frame holds. */
  record Frame(int kind, byte[] content) {
    /** The message in it, which shares its bytes. */
    <M> M parse(Parser<M> parser) throws IOException {
      CodedInputStream in = UnsafeByteOperations.unsafeWrap(content).newCodedInput();
      in.enableAliasing(true);
      M message = parser.parseFrom(in);
      in.checkLastTagWas(0);
      return message;
    }
  }

  final DataInputStream in;
  final DataOutputStream out;
  private final Socket socket;
  private final int frameBytesMax;
  private volatile long deadline = Long.MAX_VALUE;
  private volatile NodeState peerState;

  Wire(Socket socket, int frameBytesMax) throws IOException {
    this.socket = socket;
    this.frameBytesMax = frameBytesMax;
    socket.setTcpNoDelay(true);
    socket.setKeepAlive(true);
    in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), BUFFER_BYTES));
    out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), BUFFER_BYTES));
  }

  /** What comes next may take this long. */
  void allow(Duration time) {
    deadline = System.nanoTime() + time.toNanos();
  }

  boolean overdue(long now) {
    return deadline != Long.MAX_VALUE && now - deadline > 0;
  }

  boolean isClosed() {
    return socket.isClosed();
  }

  /** What the other side has state of itself. */
  void setPeerState(NodeState ofItself) {
    peerState = ofItself;
  }

  NodeState peerState() {
    return peerState;
  }

  Object remote() {
    return socket.getRemoteSocketAddress();
  }

  void send(int kind, MessageLite message) throws IOException {
    int length = message.getSerializedSize();
    if (length > frameBytesMax) {
      throw new IOException("a message of " + length + " bytes is too large to send");
    }
    out.writeByte(kind);
    out.writeInt(length);
    message.writeTo(out);
    out.flush();
  }

  void send(int kind, byte[] content) throws IOException {
    out.writeByte(kind);
    out.writeInt(content.length);
    out.write(content);
    out.flush();
  }

  /**
   * Waits for the next frame, the content of which may take {@code time} once it has begun. Once this
   * end is closed it gives none: a read that waits may still return what comes before its thread
   * notices that its socket was closed.
   */
  Frame receive(Duration time) throws IOException {
    int kind = in.readUnsignedByte();
    allow(time);
    int length = in.readInt();
    if (length < 0 || length > frameBytesMax) {
      throw new IOException("a frame of " + Integer.toUnsignedString(length) + " bytes");
    }
    Frame frame = new Frame(kind, readContent(length));
    if (isClosed()) {
      throw new SocketException("this end was closed");
    }
    return frame;
  }

  /** A large one in pieces: whoever announces it must send it before it costs the memory. */
  private byte[] readContent(int length) throws IOException {
    if (length > BELIEVED_BYTES_MAX) {
      byte[] content = in.readNBytes(length);
      if (content.length != length) {
        throw new IOException("the connection ended in the middle of a frame");
      }
      return content;
    }
    byte[] content = new byte[length];
    in.readFully(content);
    return content;
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is given up either way.
    }
  }
}
