// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * The first bytes on a connection, from the node that opened it:
 *
 * <pre>  "TRIPLA-R" | protocol version u32 | cluster id 16 | from | to | purpose u8
 *   | largest frame u32</pre>
 *
 * and the answer: 0, or 1 and why the connection is refused. Texts are a length u8 and UTF-8.
 * Integers are big-endian. The magic and the version stay where they are in every version to come.
 */
record Greeting(UUID cluster, String from, String to, Call.Purpose purpose, int frameBytesMax) {
  static final int VERSION = 2;

  private static final long MAGIC = 0x545249504c412d52L; // "TRIPLA-R"
  private static final int TEXT_BYTES_MAX = 255;

  /** Why a connection was refused, as the other side says it. */
  static final class Refused extends IOException {
    Refused(String why) {
      super(why);
    }
  }

  void send(Wire wire) throws IOException {
    DataOutputStream out = wire.out;
    out.writeLong(MAGIC);
    out.writeInt(VERSION);
    out.writeLong(cluster.getMostSignificantBits());
    out.writeLong(cluster.getLeastSignificantBits());
    writeText(out, from);
    writeText(out, to);
    out.writeByte(purpose.ordinal());
    out.writeInt(frameBytesMax);
    out.flush();
    if (wire.in.readByte() != 0) {
      throw new Refused(readText(wire.in));
    }
  }

  /** Reads the greeting of a node that speaks our version; another one is told so. */
  static Greeting receive(Wire wire) throws IOException {
    DataInputStream in = wire.in;
    if (in.readLong() != MAGIC) {
      throw new IOException("it is no tripla node");
    }
    int version = in.readInt();
    if (version != VERSION) {
      String why = "it speaks version " + version + " of the protocol, this node " + VERSION;
      refuse(wire, why);
      throw new IOException(why);
    }
    UUID cluster = new UUID(in.readLong(), in.readLong());
    String from = readText(in);
    String to = readText(in);
    int purpose = in.readUnsignedByte();
    if (purpose >= Call.Purpose.values().length) {
      throw new IOException("it names no purpose: " + purpose);
    }
    return new Greeting(cluster, from, to, Call.Purpose.values()[purpose], in.readInt());
  }

  static void welcome(Wire wire) throws IOException {
    wire.out.writeByte(0);
    wire.out.flush();
  }

  static void refuse(Wire wire, String why) throws IOException {
    wire.out.writeByte(1);
    writeText(wire.out, why);
    wire.out.flush();
  }

  private static void writeText(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, TEXT_BYTES_MAX);
    out.writeByte(length);
    out.write(bytes, 0, length);
  }

  private static String readText(DataInputStream in) throws IOException {
    byte[] bytes = new byte[in.readUnsignedByte()];
    in.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
