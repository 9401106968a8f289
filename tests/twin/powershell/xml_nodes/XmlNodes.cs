// What .NET's XmlTextReader does: each line of standard input is a document in base64 (UTF-8) and the steps to take, each answered by a line with
// what it gave and where the reader then stands (texts in base64), or "error" and the line. An empty line ends an answer.
// Steps: read, content, skip, string, next:NAME; "all" reads to the end.
using System;
using System.IO;
using System.Text;
using System.Xml;

static class XmlNodes
{
    static string Coded(string text)
    {
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
    }

    static string Given(XmlTextReader reader, string step)
    {
        switch (step)
        {
            case "read": return reader.Read().ToString();
            case "content": return reader.MoveToContent().ToString();
            case "skip": reader.Skip(); return "-";
            case "string": return Coded(reader.ReadString());
            default: return reader.ReadToNextSibling(step.Substring("next:".Length)).ToString();
        }
    }

    static void Tell(XmlTextReader reader, string given)
    {
        bool tag = reader.NodeType == XmlNodeType.Element || reader.NodeType == XmlNodeType.EndElement;
        bool text = reader.NodeType == XmlNodeType.Text || reader.NodeType == XmlNodeType.Whitespace || reader.NodeType == XmlNodeType.CDATA;
        Console.WriteLine("{0} {1} {2} {3} {4} {5} {6}", given, reader.NodeType, reader.Depth, tag ? reader.LineNumber + ":" + reader.LinePosition : "-",
            reader.IsEmptyElement, Coded(reader.Name), Coded(text ? reader.Value : ""));
    }

    static void Take(XmlTextReader reader, string[] steps)
    {
        bool all = steps.Length == 1 && steps[0] == "all";
        for (int place = 0; all ? !reader.EOF : place < steps.Length; place++)
        {
            Tell(reader, Given(reader, all ? "read" : steps[place]));
        }
    }

    static void Main()
    {
        string line;
        while ((line = Console.ReadLine()) != null)
        {
            string[] words = line.Split(' ');
            XmlTextReader reader = new XmlTextReader(new StringReader(Encoding.UTF8.GetString(Convert.FromBase64String(words[0]))));
            reader.DtdProcessing = DtdProcessing.Prohibit;
            reader.XmlResolver = null;
            try
            {
                Take(reader, words[1].Split(','));
            }
            catch (XmlException error)
            {
                Console.WriteLine("error {0}", error.LineNumber);
            }
            Console.WriteLine();
        }
    }
}
