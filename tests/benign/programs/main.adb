--  language: Ada
--  package: gnat
--  needs: gnatmake
--  heavy: 100 MB
--  compile: gnatmake -q -o program main.adb
--  run: ./program
--  compile-limits: memory=512m processes=50 cpu=20s wall=30s
with Ada.Text_IO; use Ada.Text_IO;

procedure Main is
   Composite : array (2 .. 99_999) of Boolean := (others => False);
   Count     : Natural := 0;
   Sum       : Long_Integer := 0;
   M         : Long_Integer;
   Total     : Natural := 0;
   F         : File_Type;
   function Trim (Text : String) return String is (Text (Text'First + 1 .. Text'Last));
   task Adder is
      entry Done (Answer : out Natural);
   end Adder;
   task body Adder is
   begin
      accept Done (Answer : out Natural) do
         Answer := Total;
      end Done;
   end Adder;
   Answer : Natural;
begin
   Put_Line ("hello, world");
   for N in Composite'Range loop
      if not Composite (N) then
         Count := Count + 1;
         Sum   := Sum + Long_Integer (N);
         M     := Long_Integer (N) * Long_Integer (N);
         while M < 100_000 loop
            Composite (Integer (M)) := True;
            M := M + Long_Integer (N);
         end loop;
      end if;
   end loop;
   Put_Line (Trim (Count'Image) & Sum'Image);
   Create (F, Out_File, "numbers.txt");
   for N in 1 .. 1000 loop
      Put_Line (F, N'Image);
   end loop;
   Close (F);
   Open (F, In_File, "numbers.txt");
   while not End_Of_File (F) loop
      Total := Total + Natural'Value (Get_Line (F));
   end loop;
   Close (F);
   Adder.Done (Answer);
   Put_Line (Trim (Answer'Image));
end Main;
