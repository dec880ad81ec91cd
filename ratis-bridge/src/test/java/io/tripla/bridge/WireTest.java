// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** One end of a connection. */
class WireTest {
  private static final byte[] TWO_FRAMES = {1, 0, 0, 0, 1, 'a', 1, 0, 0, 0, 1, 'b'};

  /** Gives what has come also when it is closed, as a read does that waited when it was closed. */
  private static final class LateSocket extends Socket {
    @Override
    public void setTcpNoDelay(boolean on) {}

    @Override
    public void setKeepAlive(boolean on) {}

    @Override
    public InputStream getInputStream() {
      return new ByteArrayInputStream(TWO_FRAMES);
    }

    @Override
    public OutputStream getOutputStream() {
      return new ByteArrayOutputStream();
    }
  }

  /** A vote was asked for on a connection that a later start of the same node had ended. */
  @Test
  void aClosedOneGivesNothingThatHasComeMeanwhile() throws Exception {
    Wire wire = new Wire(new LateSocket(), 10);
    assertEquals('a', wire.receive(Duration.ofSeconds(1)).content()[0]);
    wire.close();
    assertThrows(SocketException.class, () -> wire.receive(Duration.ofSeconds(1)));
  }
}
