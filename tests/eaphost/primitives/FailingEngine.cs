using System;
using EapHost.Core;

// TLS that is no TLS: up at once, in clear, and broken from one use of Encrypt on. For what happens when TLS fails where no peer's packet is handled.
internal sealed class FailingEngine : ITlsEngine, ITlsEngines
{
    private int good;

    public FailingEngine(int good)
    {
        this.good = good;
    }

    // How a conversation of PEAP ends in which the caller refuses the password while Encrypt works so often: the last action, and what the session says.
    public static string Conversation(int good)
    {
        EapSession session = new EapSession(new MethodFactory(new FailingEngine(good), new DeferringVerifier(), "x"), new SessionOptions(new byte[] { EapType.Peap }, 1400));
        EapAction action = session.Receive(Response(1, EapType.Identity, new byte[0]));
        byte[][] answers = { new byte[] { 0, 22 }, new byte[] { 0, EapType.Identity, 65 }, null };
        foreach (byte[] answer in answers)
        {
            if (action != EapAction.Send) break;
            SendTimeout timeout;
            byte[] request = session.Send(out timeout);
            action = session.Receive(Response(request[1], EapType.Peap, answer ?? Password(request)));
        }
        if (action == EapAction.Authenticate) action = session.SetAuthenticateResult(FailureCode.AuthenticationFailure, new EapAttribute[0]);
        return action + (session.IsSuccess ? " success " : " failure ") + session.Reason;
    }

    // Any EAP-MSCHAPv2 Response to the challenge inside a request: header, flags, inner type, operation, identifier.
    private static byte[] Password(byte[] request)
    {
        byte[] body = new byte[54];
        body[0] = MsChapV2OpCode.Response;
        body[1] = request[8];
        body[3] = 54;
        body[4] = 49;
        return Octets.Join(new byte[] { 0, EapType.MsChapV2 }, body);
    }

    private static byte[] Response(byte identifier, byte type, byte[] data)
    {
        byte[] packet = EapPacket.Request(identifier, type, data);
        packet[0] = EapCode.Response;
        return packet;
    }

    public ITlsEngine Create(bool wantsCertificate)
    {
        return this;
    }

    public TlsFlight Handshake(byte[] fromPeer)
    {
        return new TlsFlight(true, Octets.None);
    }

    public byte[] Encrypt(byte[] clear)
    {
        if (good-- <= 0) throw new TlsFailure("broken", Octets.None);
        return clear;
    }

    public byte[] Decrypt(byte[] records)
    {
        return records;
    }

    public byte[] EapKeyBlock()
    {
        throw new InvalidOperationException("no keys");
    }

    public string PeerName()
    {
        return null;
    }

    public void Dispose()
    {
    }
}
