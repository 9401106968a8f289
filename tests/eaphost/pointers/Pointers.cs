using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.InteropServices;
using EapHost.Core;
using EapHost.Windows;

// The COM face without COM: the lines of the Linux face (Verbs), carried out by calls with raw pointers as the policy engine makes them.
// Passwords are left to the caller. Each verb's HRESULT other than S_OK is answered as "error hresult".
internal static class Pointers
{
    private static readonly Authenticator Face = new Authenticator(
        new SessionTable(new MethodFactory(null, new DeferringVerifier(), "vpn"), TimeSpan.FromMinutes(1)), new List<byte>());

    private static void Main()
    {
        Console.Out.WriteLine("ready");
        string line;
        while ((line = Console.In.ReadLine()) != null) Console.Out.WriteLine(Answer(line.Split(' ')));
    }

    private static string Answer(string[] words)
    {
        if (words[0] == "layout") return Layout(Type.GetType("EapHost.Windows." + words[1], true));
        if (words[0] == "null") return Null(words[1]);
        uint session = words[0] == "BeginSession" || words.Length < 2 ? 0 : uint.Parse(words[1]);
        IntPtr a = Slot(), b = Slot(), c = Slot(), error = Slot();
        Marshal.WriteIntPtr(error, new IntPtr(1));
        switch (words[0])
        {
            case "BeginSession":
                return Told(Face.BeginSession(0, Methods(words[1]), IntPtr.Zero, uint.Parse(words[2]), IntPtr.Zero, a, error), error, delegate { return Number(a); });
            case "UpdateInnerMethodParams":
                return Told(Face.UpdateInnerMethodParams(session, 0, IntPtr.Zero, IntPtr.Zero, error), error, delegate { return ""; });
            case "IsReplay": return Told(Face.IsReplay(session, Length(words[2]), Packet(words[2]), a, error), error, delegate { return Number(a); });
            case "ReceivePacket":
                return Told(Face.ReceivePacket(session, Length(words[2]), Packet(words[2]), a, error), error, delegate { return Action(a); });
            case "SendPacket": return Told(Face.SendPacket(session, a, b, c, error), error, delegate { return Octet(a, b) + " " + (SendTimeout)Marshal.ReadInt32(c); });
            case "GetAttributes": return Told(Face.GetAttributes(session, a, error), error, delegate { return Attributes(a); });
            case "SetAttributes": return Told(Face.SetAttributes(session, Given(words[2]), a, error), error, delegate { return Action(a); });
            case "SetAuthenticateResult":
                return Told(Face.SetAuthenticateResult(session, uint.Parse(words[2]), Given(words[3]), a, error), error, delegate { return Action(a); });
            case "GetResult": return Told(Face.GetResult(session, a, error), error, delegate { return Result(a); });
            case "GetFinalPacket": return Told(Face.GetFinalPacket(session, int.Parse(words[2]), a, b, error), error, delegate { return Octet(a, b); });
            case "EndSession": return Told(Face.EndSession(session, error), error, delegate { return ""; });
            default: return "error input there is no such verb";
        }
    }

    private static string Told(int result, IntPtr error, Func<string> value)
    {
        if (Marshal.ReadIntPtr(error) != IntPtr.Zero) return "error error is not null";
        return result != 0 ? "error 0x" + result.ToString("x8") : ("ok " + value()).TrimEnd();
    }

    // Every pointer of a verb null, of a session that is there.
    private static string Null(string verb)
    {
        IntPtr none = IntPtr.Zero, session = Slot();
        Face.BeginSession(0, Methods("26"), none, 1400, none, session, none);
        List<object> arguments = new List<object>();
        MethodInfo method = typeof(Authenticator).GetMethod(verb);
        foreach (ParameterInfo one in method.GetParameters())
            arguments.Add(one.ParameterType == typeof(IntPtr) ? none : one.Name == "session" ? (object)(uint)Marshal.ReadInt32(session) : one.Name == "success" ? (object)0 : (uint)5);
        return "0x" + ((int)method.Invoke(Face, arguments.ToArray())).ToString("x8");
    }

    private static string Layout(Type type)
    {
        List<string> words = new List<string> { Marshal.SizeOf(type).ToString() };
        foreach (FieldInfo field in type.GetFields(BindingFlags.Public | BindingFlags.Instance)) words.Add(Marshal.OffsetOf(type, field.Name).ToString());
        return string.Join(" ", words.ToArray());
    }

    private static IntPtr Slot()
    {
        IntPtr slot = Marshal.AllocHGlobal(16);
        for (int i = 0; i < 16; i++) Marshal.WriteByte(slot, i, 0xcc);
        return slot;
    }

    private static IntPtr Methods(string words)
    {
        string[] types = words.Split(',');
        int size = Marshal.SizeOf(typeof(MethodDataLayout));
        IntPtr first = Marshal.AllocHGlobal(size * types.Length);
        for (int i = 0; i < types.Length; i++)
        {
            MethodDataLayout one = new MethodDataLayout();
            one.Type.Type = byte.Parse(types[i]);
            Marshal.StructureToPtr(one, new IntPtr(first.ToInt64() + i * size), false);
        }
        MethodDataArrayLayout array = new MethodDataArrayLayout();
        array.Count = (uint)types.Length;
        array.First = first;
        return NativeMemory.Allocate(array);
    }

    private static IntPtr Given(string word)
    {
        List<EapAttribute> attributes = new List<EapAttribute>();
        if (word != "-")
            foreach (string one in word.Split(','))
                attributes.Add(new EapAttribute(uint.Parse(one.Split(':')[0]), Octets.FromHex(one.Split(':')[1])));
        return NativeMemory.Allocate(NativeMemory.AllocateAttributes(attributes));
    }

    private static uint Length(string word)
    {
        return word == "-" ? 0 : (uint)word.Length / 2;
    }

    private static IntPtr Packet(string word)
    {
        byte[] octets = word == "-" ? Octets.None : Octets.FromHex(word);
        IntPtr pointer = Marshal.AllocHGlobal(octets.Length + 1);
        Marshal.Copy(octets, 0, pointer, octets.Length);
        return pointer;
    }

    private static string Number(IntPtr slot)
    {
        return ((uint)Marshal.ReadInt32(slot)).ToString();
    }

    private static string Action(IntPtr slot)
    {
        return ((EapAction)Marshal.ReadInt32(slot)).ToString();
    }

    private static string Octet(IntPtr length, IntPtr packet)
    {
        return Octets.ToHex(NativeMemory.Read(Marshal.ReadIntPtr(packet), (uint)Marshal.ReadInt32(length), Limits.Packet));
    }

    private static string Attributes(IntPtr array)
    {
        List<string> words = new List<string>();
        foreach (EapAttribute one in NativeMemory.ReadAttributes(array)) words.Add(one.Type + ":" + Octets.ToHex(one.Value));
        return words.Count == 0 ? "-" : string.Join(",", words.ToArray());
    }

    private static string Result(IntPtr pointer)
    {
        EapResultLayout result = (EapResultLayout)Marshal.PtrToStructure(pointer, typeof(EapResultLayout));
        return string.Format("{0} {1} 26 {2}", result.IsSuccess, result.FailureReason, Attributes(result.Attributes));
    }
}
