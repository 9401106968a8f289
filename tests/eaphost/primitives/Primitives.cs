using System;
using System.Collections.Generic;
using EapHost.Core;

// The core's pure parts by lines, for tests: a name and hexadecimal arguments in, hexadecimal octets or "none" out.
internal static class Primitives
{
    private static void Main()
    {
        string line;
        while ((line = Console.In.ReadLine()) != null)
        {
            string[] words = line.Split(' ');
            List<byte[]> a = new List<byte[]>();
            for (int i = 1; i < words.Length; i++) a.Add(words[i] == "-" ? Octets.None : Octets.FromHex(words[i]));
            byte[] answer = Answer(words[0], a);
            Console.Out.WriteLine(answer == null ? "none" : answer.Length == 0 ? "-" : Octets.ToHex(answer));
            Console.Out.Flush();
        }
    }

    private static byte[] Answer(string name, List<byte[]> a)
    {
        switch (name)
        {
            case "md4": return Md4.Hash(a[0]);
            case "des": return Des.Encrypt(a[0], a[1]);
            case "nt-hash": return MsChapV2.NtPasswordHash(Octets.ToText(a[0]));
            case "challenge-hash": return MsChapV2.ChallengeHash(a[0], a[1], a[2]);
            case "nt-response": return MsChapV2.NtResponse(a[0], a[1]);
            case "authenticator-response": return System.Text.Encoding.ASCII.GetBytes(MsChapV2.AuthenticatorResponse(a[0], a[1], a[2]));
            case "without-domain": return MsChapV2.WithoutDomain(a[0]);
            case "receive-key": return MppeKeys.FromMsChapV2(a[0], a[1]).Receive;
            case "send-key": return MppeKeys.FromMsChapV2(a[0], a[1]).Send;
            case "certificate-name": return Text(CertificateName.Of(a[0]));
            case "parse-response": return Whole(EapPacket.ParseResponse(a[0]));
            case "peap-success": return PeapResult.IsSuccess(a[0]) ? new byte[] { 1 } : null;
            case "failing-engine": return Text(FailingEngine.Conversation(a[0][0]));
            case "key-attribute": return MicrosoftAttribute.Key(new EapAttribute(26, a[0]), MicrosoftAttribute.MppeSendKey);
            default: throw new ArgumentException(name);
        }
    }

    private static byte[] Text(string text)
    {
        return text == null ? null : System.Text.Encoding.UTF8.GetBytes(text);
    }

    private static byte[] Whole(EapPacket packet)
    {
        return packet == null ? null : packet.Whole;
    }
}
